/** The reference of the API in English; descriptions of operations come from the document. */
export const enReference = {
  versions: 'Versions of the API',
  operations: 'Operations',
  back: 'Back to the portal',
  download: 'Download the OpenAPI document',
  version: (version: string) => `Version ${version}, served at`,
  link: 'Link',
  keyNeeded: 'Needs an API key.',
  keyNotNeeded: 'Needs no API key.',
  parameters: 'Parameters',
  body: 'Body',
  answers: 'Answers',
  request: 'Request',
  exampleOf: (what: string) => `Example of ${what}`,
  required: 'required',
  optional: 'may be absent',
  or: 'or',
  arrayOf: 'array of',
  range: (least: number | undefined, most: number | undefined) => {
    if (least === undefined) return most === undefined ? '' : `at most ${most}`;
    return most === undefined ? `at least ${least}` : `${least} to ${most}`;
  },
  length: (least: number | undefined, most: number | undefined) => {
    if (most === undefined) return '';
    return least === undefined ? `at most ${most} characters` : `${least} to ${most} characters`;
  },
  tryIt: 'Try it',
  sends:
    'This sends a real request to this service: what it changes is changed, and it counts against the limits.',
  key: 'API key',
  keyHint: 'It stays on this page and is sent to this service alone.',
  send: 'Send',
  failed: 'No answer came. Please check the connection and try again.',
};
