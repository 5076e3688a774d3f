/** esbuild bundles imported style sheets. */
declare module '*.css';

/** esbuild inlines imported icons as text. */
declare module '*.svg' {
  const text: string;
  export = text;
}
