// What every request to a Kubernetes API or to EC2 says of itself: audit logs are read by it.
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const USER_AGENT = `refit/${manifest.version} (node/${process.versions.node}; ${process.platform}/${process.arch})`;
