// Launching an instance from a template, and terminating one. A launch carries its token and a template's
// version by number, so that it may be asked for again; the SDK's own retries carry the same.
import {
  DescribeLaunchTemplateVersionsCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { LaunchTemplateVersion, ResponseLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { LaunchTemplateRef } from '../../domain/fleet.ts';
import type { LaunchTemplateFacts } from '../../domain/inventory.ts';
import { PortError } from '../ports/errors.ts';
import type { LaunchOutcome, LaunchRequest } from '../ports/instances.ts';
import { asked } from './descriptions.ts';
import type { Region } from './descriptions.ts';
import { toInstanceFacts, toTags } from './facts.ts';
import { isNoCapacity } from './port-errors.ts';

export async function collectTemplate(
  region: Region,
  { id, name, version }: LaunchTemplateRef,
): Promise<LaunchTemplateFacts | undefined> {
  try {
    const answer = await asked(region, 'DescribeLaunchTemplateVersions', () =>
      region.client.send(
        new DescribeLaunchTemplateVersionsCommand({
          ...(id === null ? { LaunchTemplateName: name ?? '' } : { LaunchTemplateId: id }),
          Versions: [version],
        }),
      ),
    );
    const [found] = answer.LaunchTemplateVersions ?? [];
    return found === undefined ? undefined : toTemplateFacts(found);
  } catch (error) {
    const gone = error instanceof PortError && (error.kind === 'notFound' || isUnknown(error.message));
    if (gone) return undefined;
    throw error;
  }
}

/** EC2 has a code for each way of not finding a template: NotFound, NotFoundException, VersionNotFound, Malformed. */
function isUnknown(message: string): boolean {
  return /InvalidLaunchTemplate\w*\.\w*(NotFound|Malformed)/.test(message);
}

function toTemplateFacts({
  LaunchTemplateId,
  VersionNumber,
  LaunchTemplateData,
}: LaunchTemplateVersion): LaunchTemplateFacts {
  const interfaces = LaunchTemplateData?.NetworkInterfaces ?? [];
  return {
    templateId: LaunchTemplateId ?? '',
    version: String(VersionNumber ?? ''),
    imageId: LaunchTemplateData?.ImageId ?? null,
    instanceType: LaunchTemplateData?.InstanceType ?? null,
    subnetId: interfaces[0]?.SubnetId ?? null,
    namesInterfaces: interfaces.length > 0,
    ...(LaunchTemplateData === undefined ? {} : capacityOf(LaunchTemplateData)),
  };
}

/** What decides into which capacity an instance is launched. */
function capacityOf({
  CapacityReservationSpecification: asked,
  Placement: placement,
  InstanceMarketOptions: market,
}: ResponseLaunchTemplateData): Partial<LaunchTemplateFacts> {
  const target = asked?.CapacityReservationTarget;
  const group = placement?.GroupName ?? placement?.GroupId;
  const host = placement?.HostId ?? placement?.HostResourceGroupArn;
  const named = group === undefined ? host && `host ${host}` : `placement group ${group}`;
  return {
    ...(asked === undefined
      ? {}
      : {
          reservation: {
            preference: asked.CapacityReservationPreference ?? null,
            id: target?.CapacityReservationId ?? null,
            groupArn: target?.CapacityReservationResourceGroupArn ?? null,
          },
        }),
    ...(placement?.Tenancy === undefined ? {} : { tenancy: placement.Tenancy }),
    ...(named === undefined || named === '' ? {} : { placement: named }),
    ...(market?.MarketType === undefined ? {} : { market: market.MarketType }),
  };
}

export async function ensureInstance(region: Region, o: LaunchRequest): Promise<LaunchOutcome> {
  try {
    const answer = await asked(region, 'RunInstances', () =>
      region.client.send(
        new RunInstancesCommand({
          LaunchTemplate: { LaunchTemplateId: o.templateId, Version: o.version },
          MinCount: 1,
          MaxCount: 1,
          ClientToken: o.clientToken,
          ...(o.instanceType === null ? {} : { InstanceType: o.instanceType as never }),
          ...(o.subnetId === null ? {} : { SubnetId: o.subnetId }),
          TagSpecifications: [{ ResourceType: 'instance', Tags: toTags(o.tags) }],
        }),
      ),
    );
    const [instance] = answer.Instances ?? [];
    if (instance === undefined) {
      throw new PortError('unreachable', `ec2:RunInstances in ${region.name}: the answer is empty`);
    }
    return { kind: 'launched', instance: toInstanceFacts(instance, undefined) };
  } catch (error) {
    if (isNoCapacity(error)) return { kind: 'noCapacity', why: (error as PortError).message };
    throw error;
  }
}

export async function ensureTerminated(region: Region, instanceId: string): Promise<void> {
  try {
    await asked(region, 'TerminateInstances', () =>
      region.client.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })),
    );
  } catch (error) {
    // Gone for so long that EC2 does not name it any more.
    if (!(error instanceof PortError) || error.kind !== 'notFound') throw error;
  }
}
