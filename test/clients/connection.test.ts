// Where Temporal is found, and that an error can say from where the address came.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { resolveConnection } from '../../clients/cli/connection.ts';
import { connectTemporal } from '../../clients/cli/temporal-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'refit-connection-'));
const file = join(folder, 'temporal.toml');
writeFileSync(
  file,
  '[profile.default]\naddress = "file.example:7233"\nnamespace = "of-file"\n' +
    '[profile.prod]\naddress = "prod.example:7233"\napi_key = "secret"\n',
);
const empty = { XDG_CONFIG_HOME: folder };

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('connection settings', () => {
  it('are the temporal command’s defaults when nothing is set', () => {
    expect(resolveConnection({}, empty)).toMatchObject({
      address: 'localhost:7233',
      addressFrom: 'the default',
      namespace: 'default',
      namespaceFrom: 'the default',
    });
  });

  it('come from the profile file, then from variables, then from flags', () => {
    const env = { ...empty, TEMPORAL_CONFIG_FILE: file };
    const profile = `profile default of ${file}`;
    expect(resolveConnection({}, env)).toMatchObject({ address: 'file.example:7233', addressFrom: profile });
    const withVariable = { ...env, TEMPORAL_ADDRESS: 'env.example:1' };
    expect(resolveConnection({}, withVariable)).toMatchObject({
      address: 'env.example:1',
      addressFrom: 'the variable TEMPORAL_ADDRESS',
      namespace: 'of-file',
      namespaceFrom: profile,
    });
    expect(resolveConnection({ address: 'flag.example:1', namespace: 'n' }, withVariable)).toMatchObject({
      address: 'flag.example:1',
      addressFrom: 'the option --address',
      namespaceFrom: 'the option --namespace',
    });
  });

  it('turn TLS on with an API key, unless told otherwise', () => {
    const env = { ...empty, TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' };
    expect(resolveConnection({}, env)).toMatchObject({ apiKey: 'secret', tls: true });
    expect(resolveConnection({ profile: 'default' }, env).tls).toBeUndefined();
  });

  it.each([
    [{ profile: 'nope' }, { TEMPORAL_CONFIG_FILE: file }, "Profile 'nope' not found"],
    [{ configFile: join(folder, 'absent.toml') }, {}, 'which the option --config-file names'],
    [{}, { TEMPORAL_CONFIG_FILE: '/absent.toml' }, 'which the variable TEMPORAL_CONFIG_FILE names'],
  ])('refuse %j with %j', (flags, env, why) => {
    expect(() => resolveConnection(flags, { ...empty, ...env })).toThrow(why);
  });

  it('name the address and its origin when nobody answers there', async () => {
    // Port 1 of loopback: nothing listens there.
    const settings = resolveConnection({ address: '127.0.0.1:1' }, empty);
    await expect(connectTemporal(settings)).rejects.toThrow(
      'Temporal does not answer at 127.0.0.1:1 (from the option --address)',
    );
  });
});
