"""JSON, and subsets of SQL and C, in GBNF: the notation that Latticework and XGrammar both read, without any lexer.

Strings and comments are written as rules that end with themselves, as XGrammar's own grammars are: written as repetitions of
alternatives they cost it a hundred times as much.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\b[A-Z]{2,}\b")

JSON = r"""
root ::= ws value ws
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (member (ws "," ws member)*)? ws "}"
member ::= string ws ":" ws value
array ::= "[" ws (value (ws "," ws value)*)? ws "]"
string ::= "\"" characters
characters ::= "\"" | [^"\\\x00-\x1f] characters | "\\" escape characters
escape ::= ["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
ws ::= [ \t\n\r]*
"""

# Words of capitals are key words in any case.
_SQL = r"""
root ::= ws statement (ws ";")? ws
statement ::= query | insert | update | delete
query ::= with? select (ws UNION (sp ALL)? sp select)* order? limit?
with ::= WITH sp ident sp AS ws "(" ws query ws ")" ws
select ::= SELECT sp (DISTINCT sp)? item (ws "," ws item)* (sp FROM sp source join*)? where? group?
where ::= sp WHERE sp expr
group ::= sp GROUP sp BY sp list (sp HAVING sp expr)?
order ::= sp ORDER sp BY sp sorted (ws "," ws sorted)*
limit ::= sp LIMIT sp expr (sp OFFSET sp expr)?
sorted ::= expr (sp (ASC | DESC))?
item ::= "*" | expr (sp AS sp ident | sp quoted)?
source ::= ident (sp (AS sp)? ident)?
join ::= sp ((LEFT | INNER) sp (OUTER sp)?)? JOIN sp source sp ON sp expr
insert ::= INSERT sp INTO sp ident ws "(" ws ident (ws "," ws ident)* ws ")" ws VALUES ws row (ws "," ws row)*
row ::= "(" ws list ws ")"
update ::= UPDATE sp ident sp SET sp change (ws "," ws change)* where? (sp RETURNING sp item)?
change ::= ident ws "=" ws expr
delete ::= DELETE sp FROM sp ident where?
list ::= expr (ws "," ws expr)*
expr ::= conjunction (sp OR sp conjunction)*
conjunction ::= negation (sp AND sp negation)*
negation ::= NOT sp negation | comparison
comparison ::= sum (ws ("<=" | ">=" | "<>" | "!=" | "=" | "<" | ">") ws sum | sp (NOT sp)? test | sp IS sp (NOT sp)? NULL)?
test ::= LIKE sp sum | BETWEEN sp sum sp AND sp sum | IN ws "(" ws (query | list) ws ")"
sum ::= product (ws [+-] ws product)*
product ::= primary (ws [*/%] ws primary)*
primary ::= number | string | parameter | case | cast | EXISTS ws "(" ws query ws ")" | call | column | "(" ws (query | expr) ws ")"
parameter ::= ":" ident
case ::= CASE (sp WHEN sp expr sp THEN sp expr)+ (sp ELSE sp expr)? sp END
cast ::= CAST ws "(" ws expr sp AS sp ident (ws "(" ws digits (ws "," ws digits)? ws ")")? ws ")"
call ::= ident ws "(" ws ("*" | list)? ws ")" (sp OVER ws "(" ws (PARTITION sp BY sp list order?)? ws ")")?
column ::= ident (ws "." ws ident)?
string ::= "'" characters
characters ::= "'" | "''" characters | [^'] characters
quoted ::= "\"" [^"]+ "\""
number ::= digits ("." digits)?
digits ::= [0-9]+
ident ::= [a-zA-Z_] [a-zA-Z0-9_]*
ws ::= "" | sp
sp ::= [ \t\n] ws | "--" [^\n]* "\n" ws
"""

C = r"""
root ::= ws (external ws)*
external ::= function | declaration
function ::= types ws declarator ws block
declaration ::= types (ws started (ws "," ws started)*)? ws ";"
started ::= declarator (ws "=" ws initial)?
initial ::= assign | "{" ws initial (ws "," ws initial)* ws "}"
types ::= type (sp type)*
type ::= "int" | "char" | "double" | "float" | "void" | "long" | "short" | "unsigned" | "signed" | "size_t" | "const" | "static" | struct | enum
struct ::= "struct" sp ident (ws "{" ws (member ws)+ "}")?
member ::= types ws field (ws "," ws field)* ws ";"
field ::= declarator (ws ":" ws digits)?
enum ::= "enum" sp ident (ws "{" ws enumerator (ws "," ws enumerator)* ws "}")?
enumerator ::= ident (ws "=" ws cond)?
declarator ::= ("*" ws)* (ident | "(" ws declarator ws ")") (ws suffix)*
suffix ::= "[" ws expr? ws "]" | "(" ws (parameter (ws "," ws parameter)*)? ws ")"
parameter ::= types (ws declarator)?
block ::= "{" ws (statement ws)* "}"
statement ::= block | if | for | while | return | declaration | expr? ws ";"
if ::= "if" ws "(" ws expr ws ")" ws statement (ws "else" sp statement)?
for ::= "for" ws "(" ws (declaration | expr? ws ";") ws expr? ws ";" ws expr? ws ")" ws statement
while ::= "while" ws "(" ws expr ws ")" ws statement
return ::= "return" (sp expr)? ws ";"
expr ::= assign (ws "," ws assign)*
assign ::= cond (ws ("=" | "+=" | "-=" | "|=" | "<<=") ws assign)?
cond ::= binary (ws "?" ws expr ws ":" ws cond)?
binary ::= unary (ws operator ws unary)*
operator ::= "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "<=" | ">=" | "<" | ">" | "==" | "!=" | "&&" | "||" | "&" | "|" | "^"
unary ::= ("++" | "--" | "!" | "~" | "&" | "*" | "-") ws unary | cast | postfix
cast ::= "(" ws types (ws "*")* ws ")" ws unary
postfix ::= primary (ws (index | arguments | "." ws ident | "->" ws ident | "++" | "--"))*
index ::= "[" ws expr ws "]"
arguments ::= "(" ws (assign (ws "," ws assign)*)? ws ")"
primary ::= "sizeof" ws "(" ws types (ws "*")* ws ")" | ident | number | character | string | "(" ws expr ws ")"
number ::= "0x" [0-9a-fA-F]+ | (digits ("." [0-9]*)? | "." digits) ([eE] [+-]? digits)? [fuUlL]?
digits ::= [0-9]+
character ::= "'" ([^'\\\n] | "\\" [^\n]) "'"
string ::= "\"" characters
characters ::= "\"" | [^"\\\n] characters | "\\" [^\n] characters
ident ::= [a-zA-Z_] [a-zA-Z0-9_]*
ws ::= "" | sp
sp ::= [ \t\n] ws | "//" [^\n]* "\n" ws | "#" [^\n]* "\n" ws | "/*" comment ws
comment ::= [^*] comment | "*" starred
starred ::= "/" | "*" starred | [^*/] comment
"""


def _in_any_case(word: re.Match[str]) -> str:
    return "(" + " ".join(f"[{letter}{letter.lower()}]" for letter in word[0]) + ")"


GRAMMARS = {"json": JSON, "sql": _WORD.sub(_in_any_case, _SQL), "c": C}
