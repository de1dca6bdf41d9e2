// Rules that pay: mistakes that types show (promises nobody waits for, unions not dealt with), imports that go only one
// way, no hidden chance. Layout is prettier's business.
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { importBoundaries } from './scripts/lint/import-boundaries.mjs';

/** Also used by the test of the boundaries, which lints snippets without types. */
export const boundaries = {
  name: 'neuroreel/boundaries',
  files: ['**/*.{ts,tsx,js,mjs}'],
  plugins: { neuroreel: importBoundaries },
  rules: { 'neuroreel/import-boundaries': 'error' },
};

const everywhere = {
  name: 'neuroreel/everywhere',
  linterOptions: { reportUnusedDisableDirectives: 'error' },
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'no-console': 'error',
    'no-constant-binary-expression': 'error',
    'no-implicit-coercion': ['error', { boolean: false }],
    'no-restricted-properties': [
      'error',
      { object: 'Math', property: 'random', message: 'Take a Random of src/engine/random.ts; its seed is passed in.' },
    ],
    'no-throw-literal': 'error',
    'no-var': 'error',
    'object-shorthand': 'error',
    'prefer-const': 'error',
  },
};

const withTypes = {
  name: 'neuroreel/with-types',
  files: ['**/*.{ts,tsx}'],
  extends: [tseslint.configs.recommendedTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: {
    '@typescript-eslint/consistent-type-imports': 'error',
    '@typescript-eslint/no-import-type-side-effects': 'error',
    '@typescript-eslint/no-unnecessary-type-arguments': 'error',
    '@typescript-eslint/no-unused-vars': [
      'error',
      { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
    ],
    '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
    '@typescript-eslint/prefer-readonly': 'error',
    '@typescript-eslint/require-array-sort-compare': 'error',
    // Implementations of an asynchronous interface need nothing to wait for.
    '@typescript-eslint/require-await': 'off',
    '@typescript-eslint/restrict-template-expressions': [
      'error',
      { allowNumber: true, allowBoolean: true, allowArray: true },
    ],
    '@typescript-eslint/return-await': 'error',
    '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    '@typescript-eslint/unified-signatures': 'error',
  },
};

const aScreenful = {
  name: 'neuroreel/a-screenful',
  files: ['src/**', 'clients/**', 'models/**', 'scripts/**'],
  rules: { 'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }] },
};

const tests = {
  name: 'neuroreel/tests',
  files: ['test/**/*.ts'],
  rules: {
    // What a test takes apart (answers in JSON, expect.objectContaining) is any, and a wrong guess makes the test fail.
    '@typescript-eslint/no-explicit-any': 'off',
    '@typescript-eslint/no-unsafe-argument': 'off',
    '@typescript-eslint/no-unsafe-assignment': 'off',
    '@typescript-eslint/no-unsafe-call': 'off',
    '@typescript-eslint/no-unsafe-member-access': 'off',
    '@typescript-eslint/no-unsafe-return': 'off',
    '@typescript-eslint/require-array-sort-compare': 'off',
    '@typescript-eslint/unbound-method': 'off',
  },
};

export default tseslint.config(
  { ignores: ['**/node_modules/', 'dist/', 'out/', 'data/', 'coverage/'] },
  js.configs.recommended,
  everywhere,
  withTypes,
  boundaries,
  aScreenful,
  tests,
  {
    name: 'neuroreel/node-scripts',
    files: ['*.js', 'bin/**', 'scripts/**', 'test/**/*.mjs'],
    languageOptions: { globals: globals.node },
  },
  {
    name: 'neuroreel/web-page',
    files: ['clients/web/**/*.{ts,tsx}'],
    languageOptions: { globals: globals.browser },
    rules: {
      // Handlers of events may be asynchronous: nobody waits for them, and they deal with their errors.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    name: 'neuroreel/speaks-to-people',
    files: ['clients/cli/**', 'bin/**', 'scripts/**', 'test/bench/**', 'test/**/*.mjs'],
    rules: { 'no-console': 'off' },
  },
  prettier,
);
