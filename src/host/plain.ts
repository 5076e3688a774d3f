/**
 * A text for a notification as it is: VS Code makes links of `[text](command:…)`, also where a label or a server's message brings
 * them. An invisible sign between the two parts keeps them text.
 */
export function plain(text: string): string {
  return text.replaceAll('](', ']\u2060(');
}
