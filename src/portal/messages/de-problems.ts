import { type Problem, type ProblemWords, wordProblem } from '../../domain/problem.ts';
import type { PriceFault } from '../../domain/rating/price-fault.ts';

const URL_FAULTS = {
  form: 'Bitte geben Sie eine URL an wie https://crm.example.com/events.',
  long: 'Bitte geben Sie höchstens 2000 Zeichen an.',
  https: 'Bitte geben Sie eine URL an, die mit https:// beginnt.',
  user: 'Bitte geben Sie eine URL ohne Benutzer und Passwort an.',
  fragment: 'Bitte geben Sie eine URL ohne Fragment an.',
  port: 'Bitte geben Sie Port 443 an oder einen Port ab 1024.',
  private:
    'Bitte geben Sie einen Host mit öffentlichen Adressen an, oder nennen Sie ihn in WEBHOOK_ALLOW.',
  unknown: 'Diesen Host gibt es nicht. Bitte prüfen Sie die URL.',
};

const PREFIX_FAULTS = {
  range: 'Bitte geben Sie jede Vorwahl einzeln an, keinen Bereich.',
  'exit code': 'Bitte beginnen Sie mit der Landesvorwahl, ohne 00 oder 011.',
  form: 'Bitte geben Sie die ersten Ziffern von Nummern an, die Landesvorwahl zuerst, etwa 4479.',
};

const PREFIX_IN_FILE = {
  range: 'muss eine einzelne Vorwahl sein, kein Bereich',
  'exit code': 'muss mit der Landesvorwahl beginnen, ohne 00 oder 011',
  form: 'muss 1 bis 15 Ziffern haben, die Landesvorwahl zuerst',
};

const PRICE_FAULTS: ProblemWords<PriceFault> = {
  encoding: () => 'Die Datei muss als UTF-8 gespeichert sein',
  longLine: ({ most }) => `Die Zeile hat mehr als ${most} Zeichen`,
  manyLines: ({ most }) => `Die Datei hat mehr als ${most} Zeilen`,
  manyFaults: ({ most }) => `Mehr als ${most} Fehler, weiter wird die Datei nicht gelesen`,
  noColumn: ({ column }) => `Es gibt keine Spalte ${column}`,
  severalColumns: ({ column }) => `Es gibt mehrere Spalten ${column}`,
  repeated: ({ prefix, line }) => `Die Vorwahl ${prefix} steht auch in Zeile ${line}`,
  halfIncrement: () => 'minimum und increment gehören zusammen',
  name: ({ most }) => `Der Name darf höchstens ${most} Zeichen haben`,
  prefix: ({ cell, fault }) => `Die Vorwahl „${cell}“ ${PREFIX_IN_FILE[fault]}`,
  money: ({ column, cell }) =>
    `${column} „${cell}“ muss ein Betrag ${column === 'rate' ? 'je Minute ' : ''}mit höchstens sechs Nachkommastellen sein`,
  seconds: ({ column, cell, least, most }) =>
    `${column} „${cell}“ muss ${least} bis ${most} Sekunden sein`,
  date: ({ cell }) => `„${cell}“ muss ein Datum sein wie 2030-12-01 oder 2030-12-01T00:00Z`,
  manyDates: ({ prefix, most }) => `Die Vorwahl ${prefix} hat mehr als ${most} Daten`,
  cells: ({ cells, columns }) =>
    `${cells} Zellen bei ${columns} Spalten: ein Dezimalkomma muss ein Punkt sein`,
  openQuote: () => 'Ein Anführungszeichen ist nicht geschlossen',
  textAfterQuote: () => 'Nach einem schließenden Anführungszeichen steht noch Text',
  mapped: ({ text }) => text,
};

/** The fault of a price file's line, in German. */
export const dePriceFault = (fault: PriceFault) => wordProblem(PRICE_FAULTS, fault);

/** Texts for faults in typed values, in German. */
export const deProblems: ProblemWords<Problem> = {
  username: () => 'Bitte geben Sie einen Benutzernamen mit 10 Ziffern an.',
  wholeNumber: ({ least, most }) => `Bitte geben Sie eine ganze Zahl von ${least} bis ${most} an.`,
  amount: () =>
    'Bitte geben Sie einen Betrag über 0 mit höchstens sechs Nachkommastellen an, mit Punkt, etwa 25 oder 0.0175.',
  monthlyAmount: () =>
    'Bitte geben Sie einen Betrag je Monat an, 0 oder mehr, mit Punkt, etwa 1.50.',
  moneyOrMore: () => 'Bitte geben Sie einen Betrag an, 0 oder mehr, etwa 500.',
  listName: () =>
    'Bitte geben Sie 1 bis 63 Buchstaben, Ziffern, Punkte, Binde- oder Unterstriche an, zuerst einen Buchstaben oder eine Ziffer.',
  prefix: ({ fault }) => PREFIX_FAULTS[fault],
  rate: () =>
    'Bitte geben Sie einen Betrag je Minute an, höchstens 999999.999999, mit Punkt, etwa 0.025.',
  increment: ({ most }) =>
    `Bitte geben Sie Minimum/Schritt in Sekunden an, etwa 6/6: ein Minimum ab 0, einen Schritt ab 1, beide bis ${most}.`,
  callerId: () => 'Bitte geben Sie eine Nummer mit 10 Ziffern an, oder nichts.',
  assignableNumber: () =>
    'Bitte geben Sie Ziffern an: zehn, oder zuerst + oder 011 und die Landesvorwahl.',
  calledNumber: () => 'Bitte geben Sie eine Nummer an, wie sie gewählt wird, etwa +442055501234.',
  onOff: () => 'Dies ist entweder an oder aus.',
  oneOf: ({ words }) => `Bitte wählen Sie eines von ${words.join(', ')}.`,
  accountName: () => 'Bitte geben Sie einen Namen mit 1 bis 100 Zeichen an.',
  email: () => 'Das ist keine E-Mail-Adresse wie user@example.com.',
  country: () =>
    'Bitte geben Sie die zwei Buchstaben eines Landes mit Rufnummern an, etwa US oder GB.',
  timeZone: () =>
    'Diese Zeitzone ist nicht bekannt. Bitte geben Sie eine an wie UTC oder Europe/Berlin.',
  month: () => 'Bitte geben Sie einen Monat an wie 2030-12.',
  words: ({ most }) => `Bitte geben Sie 1 bis ${most} Zeichen in einer Zeile an.`,
  reserved: ({ words }) =>
    `Das kann nicht ${words.join(' oder ')} sein: Die API benutzt diese Namen.`,
  promotionCode: () =>
    'Bitte geben Sie 1 bis 64 Buchstaben, Ziffern, Punkte, Binde- oder Unterstriche an.',
  until: () => 'Bitte geben Sie einen Tag an wie 2030-12-31.',
  from: () => 'Bitte geben Sie einen Tag an wie 2030-12-31.',
  past: () => 'Dieser Tag ist vorbei.',
  feedName: () =>
    'Bitte geben Sie 1 bis 63 Kleinbuchstaben, Ziffern, Punkte, Binde- oder Unterstriche an, zuerst einen Buchstaben oder eine Ziffer.',
  network: () => 'Bitte geben Sie Adressen oder CIDRs an wie 192.0.2.0/24 oder 2001:db8::/32.',
  sipUser: () =>
    'Bitte geben Sie 1 bis 64 Buchstaben, Ziffern, Punkte, Striche, Pluszeichen oder Unterstriche an.',
  externalId: () => 'Bitte geben Sie 1 bis 100 druckbare ASCII-Zeichen an.',
  reservedReference: () =>
    'Diese Referenz benutzt der Dienst selbst. Bitte geben Sie eine andere an.',
  url: ({ fault }) => URL_FAULTS[fault],
  subscriptions: ({ unknown }) =>
    unknown ? `Es gibt kein Ereignis ${unknown}.` : 'Bitte geben Sie mindestens ein Ereignis an.',
  scopes: ({ unknown }) =>
    unknown ? `Das Recht ${unknown} gibt es nicht.` : 'Bitte geben Sie mindestens ein Recht an.',
  noPriceList: () => 'Diese Preisliste gibt es nicht.',
  numberNotOwned: () =>
    'Das ist keine Rufnummer Ihres Kontos. Bitte geben Sie eine davon an, oder nichts.',
  numberInUse: ({ number }) => `Die Nummer ${number} ist vergeben.`,
  creditLimitPrepaid: () =>
    'Dieses Konto ist vorausbezahlt; ein Kreditrahmen ist für Konten auf Rechnung.',
  billedTo: ({ account, payer }) =>
    `${account} wird von ${payer} bezahlt; bitte nehmen Sie jenes Konto.`,
  paysFor: ({ account, other }) =>
    `${other} wird von ${account} bezahlt; bitte schließen Sie es zuerst.`,
  lastAdministrator: ({ account }) =>
    `${account} ist der letzte Administrator; legen Sie zuerst auf der Seite Personal einen anderen an.`,
  emergencyPrefix: ({ prefix }) => `${prefix} ist eine Notrufnummer, die nichts sperren darf.`,
  noBillingAccount: () => 'Das ist kein offenes Abrechnungskonto.',
  feedExists: ({ name }) => `Einen Feed ${name} gibt es schon.`,
  feedTellsNoDebits: ({ format }) =>
    `Datensätze im Format ${format} sagen nicht, was die Vermittlung abgebucht hat.`,
  externalIdTaken: ({ externalId }) => `Ein anderes Konto hat die externe ID ${externalId}.`,
  tooManyKeys: ({ most }) =>
    `Ein Konto hat höchstens ${most} Schlüssel. Bitte widerrufen Sie einen, der nicht gebraucht wird.`,
  noPrices: () => 'Es gibt keinen Preis, der die Liste ersetzen könnte.',
  pricePast: ({ prefix, at }) => `${prefix} würde ab ${at} gelten; das ist vergangen.`,
  priceTwice: ({ prefix, at }) => `${prefix} hat zwei Preise ab ${at}.`,
  priceEndUnknown: () =>
    'Zeilen haben eigene Tage: Bitte geben Sie an, ab wann die Preise enden, die nicht in der Datei stehen.',
  promotionExists: ({ code }) => `Einen Gutschein ${code} gibt es schon.`,
};
