// Asks a workflow by a query whose answer somebody waits for. A server keeps one query of a workflow while its
// workflow task is under way and refuses a second one; the client library then sleeps for a second or two before
// it tries again. So the question is put once more while the first is silent, and the first answer counts.
// Must never answer by what was said before it was asked, and never add to the load of a worker that is overrun.

type AskingOptions = {
  /** Silence after which the question is put again; doubles each time. */
  againAfterMs: number;
  /** How often one question is put, the first time included. */
  asksMax: number;
  /** With more questions open than this, silence is no collision but load: nothing is put again. */
  openMax: number;
};

export const ASKING: AskingOptions = { againAfterMs: 150, asksMax: 4, openMax: 8 };

/** `isFinal`: an error that is an answer. Any other counts when there is no question left to be put. */
export type Ask = <T>(put: () => Promise<T>, isFinal: (error: unknown) => boolean) => Promise<T>;

export function createAsking(o: AskingOptions): Ask {
  let open = 0;
  return async (put, isFinal) => {
    open += 1;
    try {
      return await askOnce(put, { ...o, isFinal, mayAskAgain: () => open <= o.openMax });
    } finally {
      open -= 1;
    }
  };
}

function askOnce<T>(
  put: () => Promise<T>,
  o: AskingOptions & { isFinal: (error: unknown) => boolean; mayAskAgain: () => boolean },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let asked = 0;
    const failures: unknown[] = [];
    let isLast = false;
    const failBy = (error: unknown): void => {
      clearTimeout(timer);
      reject(error as Error);
    };
    const ask = (): void => {
      asked += 1;
      isLast = asked === o.asksMax;
      if (!isLast) timer = setTimeout(askAgain, o.againAfterMs * 2 ** (asked - 1));
      put().then(
        (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => {
          failures.push(error);
          if (o.isFinal(error) || (isLast && failures.length === asked)) failBy(error);
        },
      );
    };
    const askAgain = (): void => {
      if (o.mayAskAgain()) return ask();
      isLast = true;
      if (failures.length === asked) failBy(failures.at(-1));
    };
    ask();
  });
}
