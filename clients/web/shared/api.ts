/** Requests to the server, with the token if it needs one. */
import type { ErrorBody } from '../../../src/protocol/http.js';

const TOKEN_KEY = 'neuroreel-token';

/** An error as the server reports it: code, message, remedy. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string;

  constructor(status: number, { code, message, remedy }: Pick<ErrorBody, 'message' | 'remedy'> & { code: string }) {
    super(message);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

/** The token, kept until the tab is closed. */
export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN_KEY),
  set: (value: string): void => sessionStorage.setItem(TOKEN_KEY, value),
};

function headers(): Record<string, string> {
  const secret = token.get();
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}

async function errorOf(response: Response): Promise<ApiError> {
  const fallback = { code: 'INTERNAL', message: `The server answered ${response.status}.`, remedy: 'Try again.' };
  const body = (await response.json().catch(() => null)) as { error?: ErrorBody } | null;
  return new ApiError(response.status, body?.error ?? fallback);
}

/**
 * A request without a body worth reading, or one whose body is read otherwise.
 * @throws {ApiError} an error of the server; a TypeError when it cannot be reached
 */
export async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(path, {
    method,
    headers: { ...headers(), ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** Sends JSON, gives JSON. Throws as {@link send}. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await send(method, path, body)).json()) as T;
}
