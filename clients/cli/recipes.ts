/** Finds recipes: those of the folders in models/, compiled, and others by their path. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Recipe } from '../../src/engine/training/recipe.js';
import { compiled } from '../../src/jobs/package-root.js';
import { NeuroreelError } from '../../src/protocol/index.js';

const RECIPES = compiled('models');
const recipeFile = (name: string): string => join(RECIPES, name, 'recipe.js');

/** Names of the folders in models/ that have a recipe. */
export function recipeNames(): string[] {
  if (!existsSync(RECIPES)) return [];
  return readdirSync(RECIPES)
    .filter((name) => existsSync(recipeFile(name)))
    .sort();
}

const isFunction = z.custom((value) => typeof value === 'function', 'expected a function');
const shape = z.looseObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  describe: z.string(),
  seed: z.int().min(0),
  steps: z.int().min(1),
  needs: z.array(z.string()),
  task: isFunction,
  watch: isFunction,
  pack: isFunction,
  clips: isFunction.optional(),
});

/**
 * Loads a recipe.
 * @param name of a folder in models/, or path of a compiled recipe (`.js` or `.mjs`)
 * @throws {NeuroreelError} RECIPE_UNKNOWN, RECIPE_INVALID
 */
export async function loadRecipe(name: string): Promise<Recipe> {
  const path = /\.m?js$/.test(name) ? resolve(name) : recipeFile(name);
  if (!/\.m?js$/.test(name) && !recipeNames().includes(name)) {
    const names = recipeNames().join(', ') || 'none';
    throw new NeuroreelError('RECIPE_UNKNOWN', `No recipe is named ${JSON.stringify(name)}; there are: ${names}.`);
  }
  if (!existsSync(path)) throw new NeuroreelError('RECIPE_UNKNOWN', `There is no recipe at ${path}.`);
  let recipe: unknown;
  try {
    recipe = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new NeuroreelError('RECIPE_INVALID', `${path} cannot be loaded: ${(cause as Error).message}.`, { cause });
  }
  const result = shape.safeParse(recipe);
  if (!result.success) {
    const issues = result.error.issues.map(
      (issue) => `${issue.path.join('.') || 'its default export'}: ${issue.message}`,
    );
    throw new NeuroreelError('RECIPE_INVALID', `${path} exports no recipe: ${issues.join('; ')}.`);
  }
  return recipe as Recipe;
}
