import { describe, expect, it } from 'vitest';
import { commandLine } from '../../clients/cli/invocation.js';

describe('the command to type again', () => {
  it('is quoted for a shell where need be', () => {
    const argv = ['video', '--unit', 'jumping jacks', '--settings', '{"a":"it\'s"}', '--out', 'out/x.y'];
    expect(commandLine(argv, {})).toBe(
      `neuroreel video --unit 'jumping jacks' --settings '{"a":"it'\\''s"}' --out out/x.y`,
    );
    expect(commandLine(['video', ''], { npm_command: 'exec' })).toBe("npx neuroreel video ''");
  });

  it('holds no token', () => {
    const argv = ['jobs', '--token', 'secret', '--token=secret', '--quiet'];
    expect(commandLine(argv, {})).toBe('neuroreel jobs --token "$NEUROREEL_TOKEN" --token="$NEUROREEL_TOKEN" --quiet');
  });
});
