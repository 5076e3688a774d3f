/** esbuild takes style sheets along when they are imported. */
declare module '*.css';
