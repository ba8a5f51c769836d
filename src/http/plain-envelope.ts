import type { Refusal, RefusalReason } from '../domain/refusal.ts';
import type { Envelope } from './face.ts';
import { reasonPhrase, statusOfRefusal } from './status.ts';

interface PlainFailure {
  statusCode: string;
  status: 'Error';
  message: string;
  requirement?: string;
}

/** The body of a success. @param members JSON text of the answer's own members, `"a":1,"b":2` */
export function successBody(members: string): string {
  return `{"statusCode":"200","status":"Success",${members}}`;
}

/** The body of a failure. @param message if left out, the text of the status */
function errorBody(
  status: number,
  message: string = reasonPhrase(status),
  requirement?: string,
): PlainFailure {
  const body: PlainFailure = { statusCode: String(status), status: 'Error', message };
  return requirement === undefined ? body : { ...body, requirement };
}

/**
 * An envelope of this form.
 * @param words sentences for reasons whose words differ from those of the refusal
 */
export function plainEnvelopeWith(words: Partial<Record<RefusalReason, string>>): Envelope {
  const word = ({ reason, field, message }: Refusal) => {
    if (reason === 'field required') return `Field Required: ${field}`;
    if (reason === 'field invalid') return `Field: ${field}`;
    return (reason && words[reason]) ?? message;
  };
  return {
    status: statusOfRefusal,
    failure: (status, refusal) => errorBody(status, refusal && word(refusal), refusal?.requirement),
  };
}

/** The envelope of feeds, and of all paths outside of the versions of the API. */
export const plainEnvelope = plainEnvelopeWith({});
