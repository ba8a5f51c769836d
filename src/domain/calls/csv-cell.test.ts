import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvCell } from './call-file.ts';

test('no cell of a caller is a formula, whatever a reader splits lines at', () => {
  const cells: [string, string][] = [
    ['Alice', 'Alice'],
    ['+442055501234', '+442055501234'],
    ['-5.5', '-5.5'],
    ['a, b', '"a, b"'],
    ['a "b"', '"a ""b"""'],
    ['=1+1', "'=1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', '"\t\'=1"'],
    ['＝1+1', "'＝1+1"],
    ['＋1x', "'＋1x"],
    ['－1x', "'－1x"],
    ['＠x', "'＠x"],
    ['a;=1+1', '"a;\'=1+1"'],
    ['a; ＝1', '"a; \'＝1"'],
    ['a\t+1', '"a\t\'+1"'],
    ['a\n-1', '"a\n\'-1"'],
    ['a"=1', '"a""\'=1"'],
    ['a|@1', "a|'@1"],
    [' =1', " '=1"],
    ['a-b', 'a-b'],
    ['a;b', '"a;b"'],
  ];
  for (const [text, cell] of cells) assert.equal(csvCell(text), cell, JSON.stringify(text));
});
