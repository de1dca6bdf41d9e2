/** What `--preview` takes. */
export const PREVIEW_CHOICES = ['auto', 'kitty', 'iterm', 'sixel', 'blocks', 'none'] as const;
export type PreviewChoice = (typeof PREVIEW_CHOICES)[number];
