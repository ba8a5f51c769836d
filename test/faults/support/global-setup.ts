import { prepareData } from '../../support/prepared-data.ts';
import * as report from './report.ts';

let removeData: () => Promise<void>;

export async function globalSetup(): Promise<void> {
  removeData = await prepareData();
  report.globalSetup();
}

export async function globalTeardown(): Promise<void> {
  report.globalTeardown();
  await removeData();
}
