// What the front must not forget: its tasks, its machines and the instances between two states. Each change
// is in the file before anybody is answered, so that a front that was killed goes on where it stood.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterMachineEvent } from './machine.ts';
import type { Machine, MachineEvent, Pace } from './machine.ts';
import type { Reservation } from './reservations.ts';
import type { RootVolumeTask } from './root-volume-task.ts';

/** A state that an instance passes through; moto knows only the one behind it. */
export interface Transit {
  state: 'pending' | 'stopping' | 'shutting-down';
  until: number;
}

/** `upAt`: when its first boot is through. */
export type NewMachine = Pick<Machine, 'instanceId' | 'imageId' | 'upAt' | 'launch'>;

interface Stored {
  version: number;
  tasks: RootVolumeTask[];
  machines: Record<string, Machine>;
  transits: Record<string, Transit>;
  /** Answers of launches, by client token; absent in a state that an older version wrote. */
  launches?: Record<string, string>;
  /** Absent in a state that an older version wrote. */
  reservations?: Reservation[];
}

export interface FrontState {
  readonly tasks: readonly RootVolumeTask[];
  readonly version: number;
  machine(instanceId: string): Machine | undefined;
  machinesAfter(version: number): readonly Machine[];
  transit(instanceId: string, now: number): Transit | undefined;
  addTask(task: RootVolumeTask): void;
  /** Replaces the task of the same id. */
  setTask(task: RootVolumeTask): void;
  addMachines(launched: readonly NewMachine[]): void;
  /** The instances of an earlier launch with this token, as it was answered. */
  launchedBy(clientToken: string): string | undefined;
  keepLaunch(clientToken: string, answer: string): void;
  readonly reservations: readonly Reservation[];
  /** Adds it, or replaces the one of the same id. */
  setReservation(reservation: Reservation): void;
  tellMachine(instanceId: string, event: MachineEvent): void;
  setTransits(transits: Readonly<Record<string, Transit>>): void;
  /** Calls back once, at the next change of a machine. */
  onMachineChange(listener: () => void): () => void;
}

function load(path: string): Stored {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stored;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { version: 0, tasks: [], machines: {}, transits: {} };
  }
}

function withReservation(all: readonly Reservation[], one: Reservation): Reservation[] {
  return [...all.filter(({ reservationId }) => reservationId !== one.reservationId), one];
}

export function openFrontState(dir: string, pace: Pace): FrontState {
  const path = join(dir, 'ec2-state.json');
  const stored = load(path);
  const listeners = new Set<() => void>();
  const save = (): void => {
    const draft = `${path}.draft`;
    writeFileSync(draft, JSON.stringify(stored));
    renameSync(draft, path);
  };
  const putMachines = (machines: readonly Machine[]): void => {
    stored.version += 1;
    for (const machine of machines) {
      stored.machines[machine.instanceId] = { ...machine, version: stored.version };
    }
    save();
    const waiting = [...listeners];
    listeners.clear();
    for (const listener of waiting) listener();
  };
  return {
    get tasks() {
      return stored.tasks;
    },
    get version() {
      return stored.version;
    },
    machine: (id) => stored.machines[id],
    machinesAfter: (version) => Object.values(stored.machines).filter((m) => m.version > version),
    transit: (id, now) => {
      const transit = stored.transits[id];
      return transit !== undefined && transit.until > now ? transit : undefined;
    },
    addTask: (task) => {
      stored.tasks.push(task);
      save();
    },
    setTask: (task) => {
      stored.tasks = stored.tasks.map((other) => (other.taskId === task.taskId ? task : other));
      save();
    },
    addMachines: (launched) => {
      putMachines(launched.map((l) => ({ ...l, power: 'on', boot: 1, hasRoot: true, version: 0 })));
    },
    launchedBy: (clientToken) => stored.launches?.[clientToken],
    keepLaunch: (clientToken, answer) => {
      stored.launches = { ...stored.launches, [clientToken]: answer };
      save();
    },
    get reservations() {
      return stored.reservations ?? [];
    },
    setReservation: (reservation) => {
      stored.reservations = withReservation(stored.reservations ?? [], reservation);
      save();
    },
    tellMachine: (instanceId, event) => {
      const machine = stored.machines[instanceId];
      if (machine !== undefined) putMachines([afterMachineEvent(machine, event, pace)]);
    },
    setTransits: (transits) => {
      Object.assign(stored.transits, transits);
      save();
    },
    onMachineChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
