// Text of strangers on somebody's terminal: reasons, pod names, annotations. Control characters could
// move the cursor or forge lines, so they never reach it.

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/** One line, control characters as one space, cut at `charsMax` with an ellipsis. */
export function printable(text: string, charsMax = 300): string {
  // Cut first: a reason may be 1 MB, and only what is shown needs cleaning.
  const clean = text
    .slice(0, charsMax * 2)
    .replace(CONTROL, ' ')
    .trim();
  return clean.length <= charsMax && text.length <= charsMax * 2 ? clean : `${clean.slice(0, charsMax - 1)}…`;
}
