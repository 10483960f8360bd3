// How the pages are linted: npm run lint.
import js from '@eslint/js';
import globals from 'globals';
import typescript from 'typescript-eslint';

export default [
  { ignores: ['web/vendor/', 'tests/browser/vendor/'] },
  js.configs.recommended,
  {
    languageOptions: {
      parser: typescript.parser,
      parserOptions: { projectService: true },
      globals: { ...globals.browser, XRMediaBinding: 'readonly', XRRigidTransform: 'readonly' },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': typescript.plugin },
    rules: {
      eqeqeq: 'error',
      'no-shadow': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
    },
  },
  {
    files: ['tests/web/**'],
    languageOptions: { globals: globals.node },
    rules: {
      // node's runner waits for its tests by itself.
      '@typescript-eslint/no-floating-promises': ['error', {
        allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: 'test' }],
      }],
    },
  },
];
