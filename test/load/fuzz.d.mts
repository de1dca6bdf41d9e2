export interface FuzzResult {
  /** Messages sent. */
  messages: number;
  /** Answers by what they were: a status or a code of an error. */
  answers: Record<string, number>;
  /** What should not have happened, each as a sentence. */
  problems: string[];
}

export function fuzzHttp(port: number, count: number, seed: number): Promise<FuzzResult>;
export function fuzzStream(port: number, count: number, seed: number): Promise<FuzzResult>;
