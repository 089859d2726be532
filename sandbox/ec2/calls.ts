// The account of every call that the front took, one JSON line each, in the order of their ends. Tests read
// it: so a line is written before its answer is sent, and nothing is ever taken back.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Parameters } from './query-protocol.ts';

export interface Ec2Call {
  time: string;
  action: string;
  parameters: Parameters;
  clientToken: string | null;
  result: { status: number; code: string | null; taskId: string | null };
  userAgent: string;
}

export interface CallLog {
  append(call: Ec2Call): void;
  text(): string;
}

function callLogFile(dir: string): string {
  return join(dir, 'ec2-calls.jsonl');
}

export function openCallLog(dir: string): CallLog {
  const path = callLogFile(dir);
  return {
    append: (call) => appendFileSync(path, `${JSON.stringify(call)}\n`),
    text: () => (existsSync(path) ? readFileSync(path, 'utf8') : ''),
  };
}
