/** The part of the catalogue of errors that clients find out by themselves. Imports nothing, so that it stays small. */

export const CLIENT_ERRORS = {
  SERVER_UNREACHABLE: {
    status: 503,
    meaning: 'No server answers at the address, or the connection to it broke.',
    remedy: 'Check the address, and that the server runs (`neuroreel serve`).',
  },
  PROTOCOL_MISMATCH: {
    status: 502,
    meaning: 'What answers at the address is no neuroreel server, or one that speaks another version of the protocol.',
    remedy: 'Check the address; use a client of the same version as the server.',
  },
  IMAGE_UNREADABLE: {
    status: 422,
    meaning: 'A file is missing, damaged, or not an image that can be decoded.',
    remedy: 'Use a JPEG, PNG, WebP, GIF, TIFF or AVIF file.',
  },
} as const;

export type ClientErrorCode = keyof typeof CLIENT_ERRORS;
