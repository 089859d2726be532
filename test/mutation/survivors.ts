// Mutants that no test kills, each with the reason why that is no gap. By what they are called.
export const SURVIVORS: Readonly<Record<string, string>> = {};
