// What the sandbox makes of launches: by a template a machine joins by itself, and a token is answered once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openFrontState } from '../../sandbox/ec2/front-state.ts';
import { imageByName } from '../../sandbox/ec2/images.ts';
import { noteInstanceCall } from '../../sandbox/ec2/instance-calls.ts';
import { joiningNode } from '../../sandbox/fleet/joining-node.ts';

const pace = { seed: 7, speed: 1 };
const tag = (key: string, value: string) => `<item><key>${key}</key><value>${value}</value></item>`;
const answer = (tags: string) =>
  `<RunInstancesResponse><instancesSet><item><instanceId>i-0a</instanceId><imageId>ami-1</imageId>` +
  `<instanceType>p5.48xlarge</instanceType><privateIpAddress>10.1.2.3</privateIpAddress>` +
  `<placement><availabilityZone>us-east-1b</availabilityZone></placement><tagSet>${tags}</tagSet>` +
  `</item></instancesSet></RunInstancesResponse>`;
const ofFleet = tag('kubernetes.io/cluster/prod-east', 'owned') + tag('refit.dev/pool', 'h100');
const byTemplate = { 'LaunchTemplate.LaunchTemplateId': 'lt-1' };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'refit-launches-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a launch in the sandbox', () => {
  it('by a template of the fleet boots, and knows the node that it will be', () => {
    const state = openFrontState(dir, pace);
    noteInstanceCall({ state, pace }, 'RunInstances', byTemplate, answer(ofFleet));
    const [machine] = state.machinesAfter(0);
    expect(machine).toMatchObject({
      instanceId: 'i-0a',
      power: 'on',
      boot: 1,
      launch: {
        cluster: 'prod-east',
        pool: 'h100',
        zone: 'us-east-1b',
        instanceType: 'p5.48xlarge',
        privateIp: '10.1.2.3',
      },
    });
    expect(machine?.upAt).toBeGreaterThan(Date.now());
  });

  it('without a template, or without the tags of a cluster and a pool, joins nothing', () => {
    const state = openFrontState(dir, pace);
    noteInstanceCall({ state, pace }, 'RunInstances', {}, answer(ofFleet));
    expect(state.machine('i-0a')?.launch).toBeUndefined();
    noteInstanceCall({ state, pace }, 'RunInstances', byTemplate, answer(''));
    expect(state.machine('i-0a')?.launch).toBeUndefined();
  });

  it('is remembered by its token, also by the front that comes after', () => {
    openFrontState(dir, pace).keepLaunch('token-1', '<answer/>');
    const again = openFrontState(dir, pace);
    expect(again.launchedBy('token-1')).toBe('<answer/>');
    expect(again.launchedBy('token-2')).toBeUndefined();
  });

  it('joins with the labels of its pool, without GPUs and what feature discovery writes', () => {
    const launch = {
      cluster: 'prod-east',
      pool: 'h100',
      zone: 'us-east-1b',
      instanceType: 'p5.48xlarge',
      privateIp: '',
    };
    const { content } = imageByName('next');
    const node = joiningNode({ instanceId: 'i-0a', launch, seed: 7, content }) as {
      metadata: { name: string; labels: Record<string, string> };
      spec: { providerID: string };
      status: { allocatable: Record<string, string>; nodeInfo: { kubeletVersion: string } };
    };
    expect(node.metadata.name).toBe('i-0a');
    expect(node.spec.providerID).toBe('aws:///us-east-1b/i-0a');
    expect(node.metadata.labels).toMatchObject({
      'refit.dev/pool': 'h100',
      'nvidia.com/gpu.present': 'true',
    });
    expect(node.metadata.labels).not.toHaveProperty(['nvidia.com/cuda.driver-version.full']);
    expect(node.status.allocatable['nvidia.com/gpu']).toBe('0');
    expect(node.status.nodeInfo.kubeletVersion).toBe(content.kubeletVersion);
  });
});
