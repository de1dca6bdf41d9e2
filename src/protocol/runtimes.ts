/** The names of runtimes and of the devices that they compute on. */
import { z } from 'zod';

/** What runs graphs. */
export const RUNTIME_NAMES = ['onnxruntime', 'tfjs'] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** Where they run; each runtime has three of them (docs/runtimes.md). */
export const DEVICE_NAMES = ['cpu', 'webgpu', 'cuda', 'tensorflow', 'wasm'] as const;
export type DeviceName = (typeof DEVICE_NAMES)[number];

export const device = z
  .enum(['auto', ...DEVICE_NAMES])
  .describe('Device that computes; `auto` leaves it to the server, which takes the fastest one unless told otherwise.');

/** How much memory something may take, as people write it. */
export const memorySize = z
  .string()
  .regex(
    /^(\d{1,15}(\.\d{1,6})?) ?([KMGT]?|%)$/,
    'expected bytes, with K, M, G or T (powers of 1024), or a share like 50%',
  )
  .describe('Memory: bytes, with K, M, G or T (powers of 1024), or a share of what is free, like 50%.');
