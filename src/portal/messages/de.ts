import { deAudit } from './de-audit.ts';
import { deCustomer } from './de-customer.ts';
import { deOperator } from './de-operator.ts';
import { dePriceFault, deProblems } from './de-problems.ts';
import { deReference } from './de-reference.ts';
import { deWebhooks } from './de-webhooks.ts';
import { deWork } from './de-work.ts';
import type { Messages } from './en.ts';
import { countedIn } from './plural.ts';

const plural = countedIn('de-DE');

/** The pages in German. */
export const de: Messages = {
  language: 'de',
  locales: { dates: 'de-DE', numbers: 'de-DE' },
  problems: deProblems,
  priceFault: dePriceFault,
  operator: { ...deOperator, ...deWork, ...deAudit },
  reference: deReference,
  webhooks: deWebhooks,
  ago: (span) => `vor ${span}`,
  units: {
    day: (count) => plural(count, 'Tag', 'Tagen'),
    hour: (count) => plural(count, 'Stunde', 'Stunden'),
    minute: (count) => plural(count, 'Minute', 'Minuten'),
    second: (count) => plural(count, 'Sekunde', 'Sekunden'),
  },
  count: (value) => value.toLocaleString('de-DE'),
  month: (month) =>
    new Date(`${month}-01T00:00Z`).toLocaleDateString('de-DE', {
      month: 'long',
      year: 'numeric',
      timeZone: 'UTC',
    }),
  plots: {
    day: 'Tag',
    hour: 'Stunde',
    month: 'Monat',
    showTable: 'Werte als Tabelle zeigen',
    count: (value) => value.toLocaleString('de-DE'),
    axisCount: (value) =>
      value.toLocaleString('de-DE', { notation: value < 10_000 ? 'standard' : 'compact' }),
  },
  table: { details: 'Einzelheiten' },
  layout: {
    skip: 'Zum Inhalt',
    navigation: 'Hauptmenü',
    menu: 'Menü',
    signOut: 'Abmelden',
    apiReference: 'API-Referenz',
    replaceSipSecret: 'SIP-Kennwort ersetzen',
    help: 'Hilfe',
  },
  navigation: {
    account: 'Konto',
    overview: 'Übersicht',
    calls: 'Anrufe',
    rates: 'Preise',
    charges: 'Gebühren',
    api: 'API',
    settings: 'Einstellungen',
  },
  stepUp: {
    title: 'Bitte bestätigen Sie, dass Sie es sind',
    text: 'Dies verlangt noch einmal Ihr Passwort. Noch ist nichts geändert.',
    submit: 'Bestätigen',
  },
  flash: {
    'signed-out': 'Sie sind abgemeldet.',
    'session-over':
      'Ihre Sitzung war zu Ende, deshalb wurde nichts geändert. Bitte melden Sie sich neu an.',
    'draft-kept':
      'Ihre Sitzung war zu Ende, bevor das Formular ankam. Was Sie eingegeben haben, steht unten: Bitte senden Sie es noch einmal.',
    'password-changed':
      'Ihr Passwort ist geändert. Andere Sitzungen sind beendet, und der API-Schlüssel ist neu. Telefone behalten ihr SIP-Kennwort: Ersetzen Sie es auch, wenn jemand anderes es kennen könnte.',
    'second-factor-off':
      'Der zweite Faktor ist ausgeschaltet. Das Passwort allein öffnet das Konto.',
    'second-factor-required':
      'Das Personal braucht hier einen zweiten Faktor. Bitte richten Sie ihn zuerst ein.',
    'session-ended': 'Beendet. Dieser Browser muss sich neu anmelden.',
    'address-mailed':
      'Wir haben einen Link an Ihre jetzige Adresse und einen an die neue geschickt. Die Adresse ändert sich, wenn beide benutzt sind.',
    'verification-sent': 'Wir haben den Link geschickt. Bitte sehen Sie in Ihr Postfach.',
    welcome: 'Willkommen. Ihre Adresse ist bestätigt und Ihr Passwort gesetzt.',
    saved: 'Gespeichert.',
    posted: 'Gebucht.',
    'posted-before': 'Das war schon gebucht; nichts hat sich geändert.',
    added: 'Hinzugefügt.',
    'mail-retried': 'Die Mail wird noch einmal gesendet.',
    removed: 'Entfernt.',
    closed: 'Das Konto ist geschlossen.',
    'replay-started':
      'Die erneute Verarbeitung läuft. Erledigte Datensätze verschwinden aus dieser Liste.',
    replayed: 'Der Datensatz ist erledigt.',
    dismissed: 'Der Datensatz ist verworfen.',
  },
  changedMeanwhile: ({ text, isTick, actor = 'jemand' }) => {
    const value = isTick ? (text === '' ? 'aus' : 'an') : text && `„${text}“`;
    return `Inzwischen hat ${actor} dies auf ${value || 'nichts'} geändert. Speichern Sie noch einmal, um Ihren Wert zu setzen.`;
  },
  changedBy: { staff: 'unser Personal', account: 'jemand, der an diesem Konto angemeldet ist,' },
  errors: {
    notFound: 'Diese Seite gibt es nicht',
    notFoundText: 'Die Adresse ist vielleicht falsch geschrieben, oder die Seite ist umgezogen.',
    forged: 'Dieses Formular gilt nicht mehr',
    forgedText:
      'Bitte öffnen Sie die Seite neu und senden Sie das Formular von dort. Ihr Browser muss Cookies dieser Seite annehmen.',
    role: 'Ihre Rolle erlaubt das nicht',
    roleText: 'Ein Administrator kann es tun oder Ihnen eine andere Rolle geben.',
    tooOften: 'Zu viele Versuche',
    tooOftenText: (wait) => `Bitte versuchen Sie es in ${wait} wieder.`,
    tooLarge: 'Das ist zu groß',
    tooLargeText: 'Was Ihr Browser geschickt hat, ist größer, als diese Seite annimmt.',
    badRequest: 'Das ging nicht',
    badRequestText: 'Was Ihr Browser geschickt hat, war nicht zu verstehen.',
    brokeOff: 'Die Antwort brach ab. Bitte laden Sie die Seite neu.',
    unavailable: 'Der Dienst ist gerade nicht erreichbar',
    unavailableText: 'Nichts ist verloren. Bitte versuchen Sie es in einigen Sekunden wieder.',
    internal: 'Bei uns ist etwas schiefgegangen',
    internalText: (id) =>
      `Es ist vermerkt. Wenn Sie uns schreiben, nennen Sie bitte diese Nummer: ${id}`,
    home: 'Zur Startseite',
  },
  landing: {
    title: (brand) => `Ihr Konto bei ${brand}`,
    lead: 'Anrufe, Kosten und Telefone an einem Ort, auf die Minute aktuell.',
    abilities: {
      overview: { title: 'Guthaben', text: 'Was übrig ist und wie lange es noch reicht.' },
      calls: {
        title: 'Anrufe',
        text: 'Jeder Anruf mit seinen Kosten: durchsuchbar, je Tag summiert, als Datei.',
      },
      charges: {
        title: 'Gebühren',
        text: 'Monatliche Gebühren, Zahlungen und eine Abrechnung zum Drucken.',
      },
      phone: {
        title: 'Telefone',
        text: 'Was Telefon oder Anlage brauchen und ob sie registriert sind.',
      },
      api: { title: 'API', text: 'Dieselben Daten für Ihre Programme, mit eigenem Schlüssel.' },
    },
    signIn: 'Anmelden',
    signUp: 'Konto anlegen',
  },
  signIn: {
    title: 'Anmelden',
    login: 'Benutzername oder E-Mail-Adresse',
    password: 'Passwort',
    submit: 'Anmelden',
    forgotten: 'Passwort vergessen?',
    signUp: 'Konto anlegen',
    wrong:
      'Benutzername, E-Mail-Adresse oder Passwort stimmen nicht. Wenn mehrere Konten Ihre E-Mail-Adresse haben, melden Sie sich mit dem zehnstelligen Benutzernamen an.',
  },
  signUp: {
    title: 'Konto anlegen',
    lead: 'Wir schicken Ihnen eine Mail mit einem Link. Dort wählen Sie Ihr Passwort.',
    promoHint: 'Falls Sie einen haben. Er wird gutgeschrieben, sobald Ihre Adresse bestätigt ist.',
    submit: 'Konto anlegen',
    signIn: 'Ich habe schon ein Konto',
    sent: (email) => `Bitte sehen Sie in Ihr Postfach: Wir haben an ${email} geschrieben.`,
  },
  recover: {
    title: 'Passwort zurücksetzen',
    lead: 'Wir schicken für jedes Konto der Adresse einen Link, mit dem Sie ein neues Passwort wählen.',
    submit: 'Mail senden',
    sent: (email) =>
      `Bitte sehen Sie in Ihr Postfach: Wenn ${email} ein Konto hat, haben wir dorthin geschrieben.`,
    again: 'Noch einmal versuchen',
  },
  verifyAgain: {
    title: 'Bestätigungsmail noch einmal senden',
    lead: 'Wir schicken einen neuen Link an eine Adresse, die noch nicht bestätigt ist. Ältere Links gelten dann nicht mehr.',
    submit: 'Mail senden',
    sent: (email) =>
      `Bitte sehen Sie in Ihr Postfach: Wenn ${email} noch zu bestätigen ist, haben wir dorthin geschrieben.`,
    again: 'Noch einmal versuchen',
  },
  checkMail: {
    title: 'Sehen Sie in Ihr Postfach',
    patience:
      'Es kann eine Minute dauern. Wenn nichts kommt, sehen Sie bitte auch im Spam-Ordner nach.',
  },
  fields: {
    name: 'Name oder Firma',
    email: 'E-Mail-Adresse',
    promo: 'Gutscheincode (freiwillig)',
    promoProblem: 'Dieser Code ist nicht bekannt, abgelaufen oder aufgebraucht.',
  },
  newPassword: {
    label: 'Neues Passwort',
    hint: (shortest, longest) =>
      `${shortest} bis ${longest} Zeichen. Mehrere Wörter ergeben ein gutes Passwort.`,
    repeated: 'Noch einmal dasselbe',
    differ: 'Die beiden Passwörter sind verschieden.',
    problems: {
      short: (shortest) => `Bitte nehmen Sie mindestens ${shortest} Zeichen.`,
      long: (_shortest, longest) => `Bitte nehmen Sie höchstens ${longest} Zeichen.`,
      common: () =>
        'Das ist eines der Passwörter, die zuerst geraten werden. Bitte wählen Sie ein anderes.',
      own: () => 'Bitte wählen Sie eines, das andere nicht von Ihnen wissen.',
    },
  },
  mailedLink: {
    unknown: 'Dieser Link ist nicht bekannt. Bitte prüfen Sie, ob er ganz kopiert wurde.',
    expired: 'Dieser Link ist abgelaufen.',
    used: 'Dieser Link wurde schon benutzt.',
    replaced: 'Eine neuere Mail hat einen anderen Link. Bitte benutzen Sie diesen.',
  },
  confirmAddress: {
    title: 'Änderung der Adresse',
    ask: (username) => `Bitte bestätigen Sie die neue E-Mail-Adresse von Konto ${username}.`,
    submit: 'Änderung bestätigen',
    half: 'Danke. Die Adresse ändert sich, sobald auch die andere Adresse sie bestätigt hat.',
    changed: 'Danke. Die Adresse ist geändert.',
    next: 'Weiter',
    failed: 'Nicht bestätigt',
    again: 'Änderung noch einmal anfordern',
  },
  verify: {
    title: 'Adresse bestätigen',
    ask: 'Bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse ist.',
    submit: 'Meine Adresse bestätigen',
    chooseTitle: 'Passwort wählen',
    chooseLead: (username) =>
      `Ihr Konto ist ${username}. Das Passwort, das Sie hier wählen, öffnet es von jetzt an.`,
    choose: 'Bestätigen und anmelden',
    doneTitle: 'Adresse bestätigt',
    done: 'Danke. Ihre E-Mail-Adresse ist bestätigt.',
    next: 'Weiter',
    failedTitle: 'Nicht bestätigt',
    again: 'Mail noch einmal senden',
  },
  reset: {
    title: 'Neues Passwort wählen',
    account: (username) =>
      `Für Konto ${username}. Mit dem Passwort wird auch der API-Schlüssel ersetzt.`,
    submit: 'Passwort ändern',
    doneTitle: 'Passwort geändert',
    done: (username) => `Das Passwort von Konto ${username} ist geändert.`,
    keyChanged: 'Der alte API-Schlüssel gilt nicht mehr; der neue steht auf der Seite API.',
    sipSecretStays:
      'Telefone behalten ihr SIP-Kennwort. Ersetzen Sie es auch, wenn jemand anderes es kennen könnte: Wer es hat, telefoniert auf Ihre Kosten.',
    replaceSipSecret: 'Anmelden und SIP-Kennwort ersetzen',
    failedTitle: 'Passwort nicht geändert',
    again: 'Neue Mail anfordern',
  },
  ...deCustomer,
};
