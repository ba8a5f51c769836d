import type { MailTexts } from './texts.ts';

const NOT_YOUR_CALLS =
  'Falls es nicht Ihre Anrufe sind, ersetzen Sie sofort das SIP-Kennwort auf {portal}/phone und geben Sie uns Bescheid.';
const NOT_YOU =
  'Wenn Sie das nicht waren, wählen Sie sofort unter {portal}/recover ein neues Passwort und ' +
  'geben Sie uns Bescheid.';

/** The words of every mail in German. */
export const GERMAN_TEXTS: MailTexts = {
  common: {
    locale: 'de-DE',
    greeting: 'Guten Tag {name},',
    greetingUnverified: 'Guten Tag,',
    fallback: 'Wenn die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse:',
    help: 'Fragen? Wir sind für Sie da: {support}',
    footer: ['Sie bekommen diese Nachricht wegen Ihres Kontos bei {brand}.'],
    labels: {
      account: 'Konto',
      when: 'Wann',
      where: 'Woher',
      staff: 'unser Personal',
      oldAddress: 'Alte Adresse',
      newAddress: 'Neue Adresse',
      balance: 'Guthaben',
      threshold: 'Warnung unter',
      spent: 'Kosten der Anrufe',
      limit: 'Tageslimit',
      usual: 'Üblich je Stunde',
      numbers: 'Rufnummern',
      part: 'Teil von {month}',
      total: 'Summe',
      or: 'oder',
      url: 'Ziel',
      since: 'Seit',
      error: 'Letzter Fehler',
    },
  },
  letters: {
    verification: {
      subject: 'Bestätigen Sie Ihre E-Mail-Adresse für {brand}',
      preview: 'Ein Klick, und Ihr Konto {username} ist bereit.',
      paragraphs: [
        'Willkommen bei {brand}. Ihr Konto {username} wurde angelegt. Bitte bestätigen Sie, dass ' +
          'dies Ihre E-Mail-Adresse ist.',
      ],
      button: 'Meine Adresse bestätigen',
      closing: [
        'Der Link gilt einmal und {hours} Stunden lang.',
        'Wenn Sie kein Konto angelegt haben, brauchen Sie nichts zu tun.',
      ],
    },
    recovery: {
      subject: 'Neues Passwort für {brand}',
      preview: 'Wählen Sie ein neues Passwort; der Link gilt {minutes} Minuten.',
      paragraphs: [
        'Jemand, hoffentlich Sie, möchte das Passwort zurücksetzen. Wählen Sie hier ein neues.',
      ],
      button: 'Neues Passwort für Konto {username}',
      closing: [
        'Ein Link gilt einmal und {minutes} Minuten lang.',
        'Wenn Sie das nicht angefordert haben, brauchen Sie nichts zu tun; Ihr Passwort bleibt, ' +
          'wie es ist.',
      ],
    },
    'account exists': {
      subject: 'Ihre Adresse hat schon ein Konto bei {brand}',
      preview: 'Jemand wollte mit Ihrer E-Mail-Adresse ein Konto anlegen.',
      paragraphs: [
        'Jemand, hoffentlich Sie, wollte mit dieser E-Mail-Adresse ein Konto anlegen. Sie gehört ' +
          'schon zu einem Konto: {usernames}. Ein weiteres wurde nicht angelegt.',
        'Wenn Sie das Passwort vergessen haben, wählen Sie unter {portal}/recover ein neues.',
      ],
      button: 'Anmelden',
      closing: ['Wenn Sie das nicht waren, brauchen Sie nichts zu tun.'],
    },
    'password changed': {
      subject: 'Ihr Passwort bei {brand} wurde geändert',
      preview: 'Das Passwort von Konto {username} ist neu, und sein API-Schlüssel auch.',
      paragraphs: [
        'Das Passwort Ihres Kontos wurde geändert. Der alte API-Schlüssel gilt nicht mehr; ' +
          'Programme, die ihn benutzen, brauchen den neuen.',
        'Ihre Telefone behalten ihr SIP-Kennwort. Wenn jemand anderes es kennen könnte, ersetzen ' +
          'Sie es unter {portal}/phone: Wer es hat, telefoniert auf Ihre Kosten.',
      ],
      closing: [NOT_YOU],
    },
    'key changed': {
      subject: 'Ihr API-Schlüssel bei {brand} wurde geändert',
      preview: 'Programme mit dem alten Schlüssel von Konto {username} brauchen den neuen.',
      paragraphs: [
        'Ihr Konto hat einen neuen API-Schlüssel. Der alte gilt nicht mehr; Programme, die ihn ' +
          'benutzen, brauchen den neuen.',
      ],
      closing: [NOT_YOU],
    },
    'sip secret changed': {
      subject: 'Ihr SIP-Kennwort bei {brand} wurde geändert',
      preview: 'Telefone mit dem alten Kennwort von Konto {username} werden abgewiesen.',
      paragraphs: [
        'Ihr Konto hat ein neues SIP-Kennwort. Telefone und Telefonanlagen mit dem alten werden ' +
          'abgewiesen, bis sie das neue haben.',
      ],
      closing: [NOT_YOU],
    },
    'confirm old address': {
      subject: 'Bestätigen Sie die Änderung Ihrer E-Mail-Adresse bei {brand}',
      preview: 'Konto {username} soll eine andere Adresse bekommen.',
      paragraphs: [
        'Jemand, der an Konto {username} angemeldet ist, möchte dessen Mails an eine andere Adresse ' +
          'bekommen. Bitte bestätigen Sie das hier. Auch die neue Adresse wird gefragt.',
      ],
      button: 'Änderung bestätigen',
      closing: [
        'Der Link gilt einmal und {hours} Stunden lang.',
        'Wenn Sie das nicht waren, bestätigen Sie es nicht und wählen Sie unter {portal}/recover ein ' +
          'neues Passwort.',
      ],
    },
    'confirm new address': {
      subject: 'Bestätigen Sie Ihre neue E-Mail-Adresse für {brand}',
      preview: 'Konto {username} soll diese Adresse benutzen.',
      paragraphs: [
        'Konto {username} soll diese E-Mail-Adresse benutzen. Bitte bestätigen Sie, dass sie Ihre ' +
          'ist. Auch die alte Adresse wird gefragt.',
      ],
      button: 'Meine Adresse bestätigen',
      closing: [
        'Der Link gilt einmal und {hours} Stunden lang.',
        'Wenn Sie das nicht angefordert haben, brauchen Sie nichts zu tun.',
      ],
    },
    'address changed': {
      subject: 'Ihre E-Mail-Adresse bei {brand} wurde geändert',
      preview: 'Mails zu Konto {username} gehen ab jetzt an eine andere Adresse.',
      paragraphs: ['Mails zu Ihrem Konto gehen ab jetzt an eine andere Adresse.'],
      closing: [
        'Wenn Sie das nicht waren, geben Sie uns sofort Bescheid: Wer Ihre Mails liest, kann Ihr ' +
          'Konto übernehmen.',
      ],
    },
    'second factor on': {
      subject: 'Die Anmeldung bei {brand} verlangt jetzt einen zweiten Schritt',
      preview: 'Konto {username} verlangt neben dem Passwort einen Code.',
      paragraphs: [
        'Von jetzt an verlangt die Anmeldung an Ihrem Konto neben dem Passwort einen Code Ihrer ' +
          'Authenticator-App. Bewahren Sie die Wiederherstellungscodes sicher auf.',
      ],
      closing: [NOT_YOU],
    },
    'second factor off': {
      subject: 'Die Anmeldung bei {brand} verlangt keinen zweiten Schritt mehr',
      preview: 'Konto {username} verlangt nur noch das Passwort.',
      paragraphs: ['Von jetzt an reicht das Passwort allein, um sich an Ihrem Konto anzumelden.'],
      closing: [NOT_YOU],
    },
    'low balance': {
      subject: 'Ihr Guthaben bei {brand} ist niedrig',
      preview: 'Auf Konto {username} sind noch {balance}.',
      paragraphs: [
        'Das Guthaben Ihres Kontos ist unter den Betrag gefallen, bei dem Sie gewarnt werden ' +
          'möchten.',
      ],
      button: 'Mein Konto ansehen',
      closing: ['Anrufe können enden, wenn es aufgebraucht ist.'],
    },
    'calls stopped': {
      subject: 'Mit Ihrem Konto bei {brand} sind keine Anrufe mehr möglich',
      preview: 'Das Guthaben von Konto {username} ist aufgebraucht.',
      paragraphs: [
        'Das Guthaben Ihres Kontos ist aufgebraucht, deshalb werden Anrufe vorerst abgelehnt. Sie ' +
          'sind wieder möglich, sobald eine Zahlung eingegangen ist, die es ausgleicht.',
      ],
      button: 'Mein Konto ansehen',
      closing: [],
    },
    'daily limit near': {
      subject: 'Das Tageslimit Ihres Kontos bei {brand} ist bald erreicht',
      preview: 'Anrufe von Konto {username} kosten heute {spent}; das Limit ist {limit}.',
      paragraphs: [
        'Anrufe Ihres Kontos haben 80 Prozent dessen erreicht, was sie an einem Tag kosten dürfen. Am ' +
          'Limit werden Anrufe bis Mitternacht in der Zeitzone Ihres Kontos abgelehnt.',
      ],
      button: 'Mein Konto ansehen',
      closing: [NOT_YOUR_CALLS],
    },
    'daily limit reached': {
      subject: 'Das Tageslimit Ihres Kontos bei {brand} ist erreicht',
      preview: 'Anrufe von Konto {username} werden bis Mitternacht abgelehnt.',
      paragraphs: [
        'Anrufe Ihres Kontos haben erreicht, was sie an einem Tag kosten dürfen. Deshalb werden ' +
          'kostenpflichtige Anrufe bis Mitternacht in der Zeitzone Ihres Kontos abgelehnt, oder bis ' +
          'wir das Limit erhöhen.',
      ],
      button: 'Mein Konto ansehen',
      closing: [NOT_YOUR_CALLS],
    },
    'daily limit of a customer': {
      subject: 'Konto {username} hat {percent} % seines Tageslimits erreicht',
      preview: 'Seine Anrufe kosten heute {spent}; das Limit ist {limit}.',
      paragraphs: [
        'Anrufe des Kontos {username} haben {percent} Prozent dessen erreicht, was sie an einem Tag ' +
          'kosten dürfen. Bitte prüfen Sie, ob es seine eigenen sind, und erhöhen Sie das Limit, ' +
          'wenn es mehr braucht.',
      ],
      button: 'Konto ansehen',
      closing: [],
    },
    'unusual hour': {
      subject: 'Konto {username} telefoniert ungewöhnlich viel',
      preview: 'Seine Anrufe kosten {spent} in einer Stunde; üblich sind {usual}.',
      paragraphs: [
        'Anrufe des Kontos {username} kosten in der Stunde ab {when} weit mehr als üblich. Bitte ' +
          'prüfen Sie, ob es seine eigenen sind. Ein Tageslimit begrenzt den Schaden.',
      ],
      button: 'Konto ansehen',
      closing: [],
    },
    'webhook failing': {
      subject: '{brand}: ein Webhook schlägt seit einem Tag fehl',
      preview: 'Ereignisse erreichen {url} nicht.',
      paragraphs: [
        'Eines Ihrer Systeme hat seit einem Tag kein Ereignis angenommen. Die Ereignisse warten ' +
          'und werden wieder versucht. Nach fünf Tagen ohne Erfolg wird das Ziel abgeschaltet.',
      ],
      button: 'Webhooks ansehen',
      closing: [],
    },
    'webhook disabled': {
      subject: '{brand}: ein Webhook wurde abgeschaltet',
      preview: 'An {url} werden keine Ereignisse mehr gesendet.',
      paragraphs: [
        'Eines Ihrer Systeme bekommt keine Ereignisse mehr, weil es sie nicht angenommen hat. ' +
          'Schalten Sie das Ziel wieder ein, wenn das System läuft, und senden Sie die verpassten ' +
          'Ereignisse noch einmal.',
      ],
      button: 'Webhooks ansehen',
      closing: [],
    },
    'monthly charge': {
      subject: 'Ihre Gebühren bei {brand} für {month}',
      preview: '{amount} für {month}; Ihr Guthaben ist {balance}.',
      paragraphs: ['Die Gebühren Ihres Kontos {username} für {month} wurden gebucht:'],
      button: 'Mein Konto ansehen',
      closing: [],
    },
  },
};
