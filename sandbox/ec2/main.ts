// The front as a process of its own: `main.ts <options as JSON>`. It ends at SIGTERM.
import { createFront } from './front.ts';
import type { FrontOptions } from './front.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as FrontOptions & { port: number };
const log = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);
const front = createFront(options, log);

const stop = (): void => {
  front.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

await front.listen({ host: '127.0.0.1', port: options.port });
log(`in front of ${options.motoEndpoint} on port ${String(options.port)}`);
