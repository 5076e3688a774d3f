import assert from 'node:assert/strict';
import { pageText } from '../../../src/host/base/pageText';

describe('the HTML of a page', () => {
  const common = { nonce: 'bm9uY2U=', source: 'https://files.example', ownMenu: true };

  it('contains the script and the style sheet of the results page, so that its first rows need no file', () => {
    const html = pageText({
      ...common,
      style: { text: 'p {}' },
      script: { text: 'run()' },
      later: 'https://f/toolkit.js',
    });
    assert.ok(html.includes('<style nonce="bm9uY2U=">p {}</style>'));
    assert.ok(html.includes('<script nonce="bm9uY2U=" data-later="https://f/toolkit.js">run()</script>'));
    assert.doesNotMatch(html, / (src|href)=/);
  });

  it('refers to the files of other pages', () => {
    const html = pageText({ ...common, style: { uri: 'https://f/a.css' }, script: { uri: 'https://f/a.js' } });
    assert.ok(html.includes('<link rel="stylesheet" href="https://f/a.css">'));
    assert.ok(html.includes('<script nonce="bm9uY2U=" src="https://f/a.js"></script>'));
  });

  it('is not ended by the texts in its script', () => {
    const script = `const a = '</script>', b = "<!-- </SCRIPT", c = 1 < 2;`;
    const html = pageText({ ...common, style: { text: '' }, script: { text: script } });
    assert.equal(html.match(/<\/script/gi)?.length, 1);
    assert.doesNotMatch(html, /<!--/);
    assert.ok(html.includes(`'\\x3C/script>', b = "\\x3C!-- \\x3C/SCRIPT", c = 1 < 2;`));
  });
});
