// Turns faults of EC2 and of the machines on and off. They are lines in a file and touch nothing by
// themselves; those that change something in a cluster stand in cluster-faults.ts.
import { readFaults, writeFaults } from './fault-file.ts';
import type { Fault, FaultKind } from './fault-file.ts';

/** On from the next call on; one of the same kind is replaced. */
export function setFault(dir: string, fault: Fault): void {
  const others = readFaults(dir).filter((other) => other.kind !== fault.kind);
  writeFaults(dir, [...others, fault]);
}

/** All of them, or those of one kind; what they changed elsewhere stays as it is. */
export function clearFaults(dir: string, kind?: FaultKind): void {
  writeFaults(dir, kind === undefined ? [] : readFaults(dir).filter((fault) => fault.kind !== kind));
}
