/** Requests to the server, with the token if it needs one. */

const TOKEN_KEY = 'neuroreel-token';

/** An error as the server reports it: code, message, remedy. */
export class ApiError extends Error {
  constructor(status, { code, message, remedy }) {
    super(message);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY),
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
};

function headers() {
  const secret = token.get();
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}

async function errorOf(response) {
  const fallback = { code: 'INTERNAL', message: `The server answered ${response.status}.`, remedy: 'Try again.' };
  const body = await response.json().catch(() => null);
  return new ApiError(response.status, body?.error ?? fallback);
}

/** Sends JSON, gives JSON. Throws an ApiError for an error of the server, a TypeError when it cannot be reached. */
export async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { ...headers(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await errorOf(response);
  return response.json();
}

/** An address that a video, a picture or a link can use: with a token the file has to be fetched first. */
export async function fileAddress(path) {
  if (token.get() === null) return path;
  const response = await fetch(path, { headers: headers() });
  if (!response.ok) throw await errorOf(response);
  return URL.createObjectURL(await response.blob());
}
