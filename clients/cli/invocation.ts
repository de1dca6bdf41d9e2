/** The command that this process was started with, as it may be typed again. */

/** Options whose value is a secret, and what stands in its place. */
const SECRETS: ReadonlyMap<string, string> = new Map([['--token', '"$NEUROREEL_TOKEN"']]);

/** An argument as a POSIX shell reads it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

/**
 * A command line for a shell. Secrets are left out.
 * @param argv the arguments after the program's name
 */
export function commandLine(
  argv: readonly string[] = process.argv.slice(2),
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const words = argv.map((argument, i) => {
    const hidden = SECRETS.get(argv[i - 1] ?? '');
    if (hidden !== undefined) return hidden;
    const [, name, stands] = /^(--token)=/.test(argument) ? ['', '--token', SECRETS.get('--token')!] : [];
    return name === undefined ? quoted(argument) : `${name}=${stands}`;
  });
  return [env['npm_command'] === 'exec' ? 'npx neuroreel' : 'neuroreel', ...words].join(' ');
}
