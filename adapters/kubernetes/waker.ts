// Lets one loop sleep until something happens or a time has come. A wake that comes while nobody
// sleeps is kept: the next wait ends at once. One waiter at a time.

export type Waker = { wake: () => void; wait: (ms: number) => Promise<void> };

/** Timers take no more; a loop that waits longer just looks once more. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export function createWaker(): Waker {
  let isWoken = false;
  let end: (() => void) | undefined;
  return {
    wake() {
      isWoken = true;
      end?.();
    },
    async wait(ms) {
      if (!isWoken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(Math.max(0, ms), TIMER_MAX_MS));
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        end = undefined;
      }
      isWoken = false;
    },
  };
}
