import { type TSchema, Type } from 'typebox';

export type FailureStatus = 400 | 401 | 404 | 409 | 429;

const DESCRIPTIONS: Record<FailureStatus, string> = {
  400: 'A required field is missing, or a value is at fault',
  401: 'Unauthorized',
  404: 'Not found',
  409: 'Account creation failed',
  429: 'Rate limit exceeded',
};

const EXAMPLES: Record<FailureStatus, { message: string; requirement?: string }> = {
  400: { message: 'Field: email', requirement: 'Must be valid' },
  401: { message: 'Unauthorized' },
  404: { message: 'Not registered' },
  409: { message: 'Account creation failed' },
  429: { message: 'Rate limit exceeded' },
};

/** The documented form of a success. */
export function successResponse(members: Record<string, TSchema>, example: object) {
  return Type.Object(
    { statusCode: Type.Literal('200'), status: Type.Literal('Success'), ...members },
    {
      description: 'Success',
      examples: [{ statusCode: '200', status: 'Success', ...example }],
    },
  );
}

/** The documented form of a failure. */
export function failureResponse(status: FailureStatus) {
  return Type.Object(
    {
      statusCode: Type.Literal(String(status)),
      status: Type.Literal('Error'),
      message: Type.String(),
      ...(status === 400 ? { requirement: Type.Optional(Type.String()) } : {}),
    },
    {
      description: DESCRIPTIONS[status],
      examples: [{ statusCode: String(status), status: 'Error', ...EXAMPLES[status] }],
    },
  );
}
