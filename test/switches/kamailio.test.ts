import { startSwitch } from '../kamailio/switch.ts';
import { ingestUrl } from '../kamailio/system.ts';
import { tellStory } from './story.ts';

// Kamailio asks again after half of what was allowed where that is 20 seconds or more.
const HOLD_SECONDS = 20;

tellStory('kamailio', HOLD_SECONDS, async (running) => {
  const sip = await startSwitch({ ingest: ingestUrl(running) });
  return { ...sip, waits: async () => sip.log().includes('call record not taken') };
});
