import { keepCompiled } from './compile-cache.js';

keepCompiled();
await import('./server-process.ts');
