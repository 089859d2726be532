// A whole, right fleet document for tests to break in one place at a time.

export function fleetDocument() {
  return {
    apiVersion: 'refit.dev/v1alpha1',
    kind: 'Fleet',
    metadata: { name: 'training' },
    spec: {
      clusters: [
        {
          name: 'prod-east',
          tier: 'prod',
          connection: { context: 'prod-east' } as Record<string, unknown>,
          provider: { kind: 'ec2', region: 'us-east-1' },
          pools: [
            {
              name: 'h100',
              selector: { matchLabels: { 'refit.dev/pool': 'h100' } as Record<string, string> },
              sla: true,
              release: '2026.11',
              policy: 'careful',
            },
            {
              name: 'batch',
              selector: { matchLabels: { 'refit.dev/pool': 'batch' } as Record<string, string> },
              release: '2026.09',
            },
          ] as Record<string, unknown>[],
        },
      ],
      releases: [
        {
          name: '2026.09',
          image: { ec2: 'ami-0123456789abcdef0' },
          expects: { kubeletVersion: 'v1.35.0' } as Record<string, unknown>,
        },
        {
          name: '2026.11',
          image: { ec2: 'ami-0123456789abcdef1' },
          expects: {
            kubeletVersion: 'v1.36.1',
            labels: { 'nvidia.com/cuda.driver-version.full': '570.86.15' },
          } as Record<string, unknown>,
        },
      ],
      policies: [{ name: 'careful', extends: 'default', disruption: { unavailableMax: '10%' } }] as Record<
        string,
        unknown
      >[],
    },
  };
}
