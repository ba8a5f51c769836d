import type { enReference } from './en-reference.ts';

/** The reference of the API in German; descriptions of operations come from the document. */
export const deReference: typeof enReference = {
  versions: 'Versionen der API',
  operations: 'Operationen',
  back: 'Zurück zum Portal',
  download: 'OpenAPI-Dokument herunterladen',
  version: (version) => `Version ${version}, erreichbar unter`,
  link: 'Link',
  keyNeeded: 'Braucht einen API-Schlüssel.',
  keyNotNeeded: 'Braucht keinen API-Schlüssel.',
  parameters: 'Parameter',
  body: 'Inhalt',
  answers: 'Antworten',
  request: 'Anfrage',
  exampleOf: (what) => `Beispiel für ${what}`,
  required: 'erforderlich',
  optional: 'kann fehlen',
  or: 'oder',
  arrayOf: 'Liste von',
  range: (least, most) => {
    if (least === undefined) return most === undefined ? '' : `höchstens ${most}`;
    return most === undefined ? `mindestens ${least}` : `${least} bis ${most}`;
  },
  length: (least, most) => {
    if (most === undefined) return '';
    return least === undefined ? `höchstens ${most} Zeichen` : `${least} bis ${most} Zeichen`;
  },
  tryIt: 'Ausprobieren',
  sends:
    'Das sendet eine echte Anfrage an diesen Dienst: Was sie ändert, ist geändert, und sie zählt bei den Grenzen mit.',
  key: 'API-Schlüssel',
  keyHint: 'Er bleibt auf dieser Seite und wird nur an diesen Dienst gesendet.',
  send: 'Senden',
  failed: 'Es kam keine Antwort. Bitte prüfen Sie die Verbindung und versuchen Sie es noch einmal.',
};
