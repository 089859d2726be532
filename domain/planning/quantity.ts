// Amounts of resources as Kubernetes writes them (`500m`, `64Gi`, `8`, `1e3`), and as people read them.
// Must never take what it cannot read for zero: a request that is unknown would land anywhere.

const QUANTITY = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** How much is asked for or is there, by the resource's name. CPU counts in thousandths, so that sums are exact. */
export type Amounts = Readonly<Record<string, number>>;

/** undefined when it is no quantity. */
export function parseQuantity(resource: string, text: string): number | undefined {
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  const [, digits = '', exponent, suffix] = match;
  const scale =
    exponent === undefined ? (suffix === undefined ? 1 : (SUFFIXES[suffix] ?? 1)) : 10 ** Number(exponent);
  const value = Number(digits) * scale;
  // As the scheduler counts: thousandths of a CPU, whole numbers of everything else, rounded up.
  return resource === 'cpu' ? Math.ceil(Math.round(value * 1e6) / 1e3) : Math.ceil(value);
}

/** `cpu 2, memory 4Gi, nvidia.com/gpu 8` */
export function formatAmounts(amounts: Amounts): string {
  return Object.entries(amounts)
    .filter(([, amount]) => amount > 0)
    .map(([resource, amount]) => `${resource} ${formatQuantity(resource, amount)}`)
    .join(', ');
}

function formatQuantity(resource: string, amount: number): string {
  if (resource === 'cpu') return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  const unit = BINARY_UNITS.find(({ size }) => amount >= size);
  if (!isBytes(resource) || unit === undefined) return String(amount);
  return `${Math.ceil((amount / unit.size) * 10) / 10}${unit.suffix}`;
}

const BINARY_UNITS = [
  { suffix: 'Gi', size: 1024 ** 3 },
  { suffix: 'Mi', size: 1024 ** 2 },
];

function isBytes(resource: string): boolean {
  return resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-');
}
