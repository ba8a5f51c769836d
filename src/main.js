import { loadQuickly } from './loading.js';

loadQuickly();
await import('./server-process.ts');
