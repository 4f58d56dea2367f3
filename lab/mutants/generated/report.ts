import { percentage, type Results } from './results.ts'

/** The page with all results, in markdown. */
export function page({ modules, survivors }: Results): string {
  const made = modules.reduce((sum, module) => sum + module.made, 0)
  const total = percentage(modules).toFixed(1)
  return `# Generated mutants

Every small change that Stryker knows, one at a time, in the modules that are tested with plain values: ${made} mutants, ${total} % noticed by their tests. Those that were not change nothing that anyone could see; each is explained here.
Made by \`npm run mutants:generated\`; the reasons are in \`harmless.ts\`.

| Module | Mutants | Noticed |
| - | -: | -: |
${modules.map((module) => `| \`${module.file}\` | ${module.made} | ${module.caught} |`).join('\n')}

| Not noticed | Line | Becomes | Why it is harmless |
| - | - | - | - |
${survivors.map(({ file, line, replacement, reason }) => `| \`${file}\` | ${code(line)} | ${code(replacement)} | ${reason ?? '**nobody knows**'} |`).join('\n')}
`
}

function code(text: string): string {
  return `\`\` ${text.replaceAll('|', '\\|')} \`\``
}
