#include "program.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_set>

#include "errors.hpp"

namespace latticework {
namespace {

// The operations of `lower.py`, in the same words.
enum Op : int32_t {
    kLiteral = 1,
    kChars,
    kJsonChars,
    kJsonAny,
    kConcat,
    kUnion,
    kIntersection,
    kComplement,
    kRepeat,
    kModulo,
    kTexts,
    kTerminal = 20,
    kSequence,
    kChoice,
    kAlias,
    kRecord,
    kArray,
    kLexeme,
    kScope,
    kLexer,
    kCounted,
    kStart,
};

constexpr int32_t kMostDemands = 8, kMostCounters = 4, kMostTokens = 1 << 29;

}  // namespace

// Reads the code with every index checked: a damaged pickle must not become a damaged process.
class Program::Reader {
public:
    Reader(std::span<const int32_t> code, std::string_view text) : code_(code), text_(text) {}
    bool done() const { return at_ == code_.size(); }
    int32_t next() {
        if (done()) fail();
        return code_[at_++];
    }
    int32_t count() {
        int32_t value = next();
        if (value < 0 || static_cast<size_t>(value) > code_.size()) fail();
        return value;
    }
    int32_t bounded(int32_t low, int32_t high) {
        int32_t value = next();
        if (value < low || value > high) fail();
        return value;
    }
    std::string_view text() {
        int32_t offset = next(), length = next();
        if (offset < 0 || length < 0 || static_cast<size_t>(offset) + static_cast<size_t>(length) > text_.size())
            fail();
        return text_.substr(static_cast<size_t>(offset), static_cast<size_t>(length));
    }
    [[noreturn]] static void fail() { throw GrammarProblem("the compiled program of a grammar is damaged"); }

private:
    std::span<const int32_t> code_;
    std::string_view text_;
    size_t at_ = 0;
};

Program::Program(Lexer& lexer, std::span<const int32_t> code, std::string_view text, long max_nodes) : lexer_(lexer) {
    Reader in(code, text);
    while (!in.done()) {
        int32_t op = in.next();
        if (op == kStart) {
            start_ = in.next();
        } else if (op < kTerminal) {
            read_regex(in, op);
        } else if (op == kLexer) {
            read_lexer(in);
        } else {
            read_node(in, op);
        }
        if (static_cast<long>(nodes_.size() + regexes_.size()) > max_nodes) {
            throw LimitReached("grammar_nodes", max_nodes, "the grammar is too large");
        }
    }
    check_references();
}

void Program::settle(const std::vector<bool>& unreadable) {
    for (Node& node : nodes_) {
        if (node.kind == NodeKind::Lexeme && unreadable[node.what]) node.kind = NodeKind::Missing;
    }
    for (RecordSpec& spec : records_) {
        std::erase_if(spec.extras, [&](const ExtraSpec& extra) { return !lexer_.nonempty(extra.name); });
    }
    find(&Node::productive, [&](const Node& node) { return is_productive(node); });
    if (!nodes_[start_].productive) throw Unsatisfiable("no text satisfies the constraint");
    prune();
    find(&Node::nullable, [&](const Node& node) { return is_nullable(node); });
    for (Node& node : nodes_) {
        bool is_unknown = node.most_tokens > 0 && node.enough < 0 && node.productive;
        if (is_unknown) node.enough = lexer_.most_missing(node.what);
    }
    if (!terminals_.empty()) weigh();  // searches are guided by it
}

void Program::read_regex(Reader& in, int32_t op) {
    RegexSet& regex = lexer_.regex;
    literals_.emplace_back();
    auto earlier = [&] { return expression(read_number(in)); };
    auto list = [&] {
        std::vector<ExprId> parts(static_cast<size_t>(in.count()));
        for (ExprId& part : parts) part = earlier();
        return parts;
    };
    auto ranges = [&] {
        std::vector<CodePointRange> out(static_cast<size_t>(in.count()));
        for (auto& [low, high] : out) {
            low = in.bounded(0, 0x10FFFF);
            high = in.bounded(low, 0x10FFFF);
        }
        return out;
    };
    switch (op) {
        case kLiteral:
            literals_.back() = in.text();
            regexes_.push_back(literals_.back().empty() ? RegexSet::kEmpty : -1);
            break;
        case kChars: regexes_.push_back(charset(regex, ranges())); break;
        case kJsonChars: regexes_.push_back(json_charset(regex, ranges())); break;
        case kJsonAny: regexes_.push_back(json_any_char(regex)); break;
        case kConcat: regexes_.push_back(regex.concat_all(list())); break;
        case kUnion: regexes_.push_back(regex.any_of(list())); break;
        case kIntersection: regexes_.push_back(regex.all_of(list())); break;
        case kComplement: regexes_.push_back(regex.complement(earlier())); break;
        case kRepeat: {
            ExprId inner = earlier();
            int32_t minimum = in.bounded(0, std::numeric_limits<int32_t>::max());
            int32_t maximum = in.bounded(-1, std::numeric_limits<int32_t>::max());
            if (maximum >= 0 && maximum < minimum) Reader::fail();
            regexes_.push_back(regex.repeat(inner, minimum, maximum));
            break;
        }
        case kModulo: {
            int32_t modulus = in.bounded(1, std::numeric_limits<int32_t>::max());
            regexes_.push_back(regex.modulo(modulus, in.bounded(0, modulus - 1)));
            break;
        }
        case kTexts: {
            std::vector<std::string_view> texts(static_cast<size_t>(in.count()));
            for (std::string_view& text : texts) text = in.text();
            regexes_.push_back(regex.texts(std::move(texts)));
            break;
        }
        default: Reader::fail();
    }
}

size_t Program::read_number(Reader& in) const {
    return static_cast<size_t>(in.bounded(0, static_cast<int32_t>(regexes_.size()) - 1));
}

ExprId Program::expression(size_t number) {
    if (regexes_[number] < 0) regexes_[number] = lexer_.regex.literal(literals_[number]);
    return regexes_[number];
}

// A whole terminal, or a name.
ExprId Program::whole_expression(size_t number) {
    ExprId expr = expression(number);
    if (lexer_.regex[expr].depth > RegexSet::kMaxGivenDepth) {
        throw GrammarProblem("a regular expression nests more than " + std::to_string(RegexSet::kMaxGivenDepth) +
                             " levels deep; write it with fewer optional parts in a row");
    }
    return expr;
}

void Program::read_lexer(Reader& in) {
    LexerSpec spec{in.bounded(0, 1) == 1, static_cast<int32_t>(terminals_.size()), 0};
    int32_t count = in.count();
    spec.end = spec.begin + count;
    for (int32_t i = 0; i < count; ++i) {
        TerminalSpec terminal{};
        terminal.texts = whole_expression(read_number(in));
        terminal.undone = whole_expression(read_number(in));
        terminal.begun = whole_expression(read_number(in));
        terminal.lexer = static_cast<int32_t>(lexers_.size());
        terminal.shortest = in.bounded(0, 1) == 1;
        terminal.ignored = in.bounded(0, 1) == 1;
        terminal.keyword_of.resize(static_cast<size_t>(in.count()));
        for (int32_t& other : terminal.keyword_of) other = spec.begin + in.bounded(0, count - 1);
        if (lexer_.nullable(terminal.texts)) throw GrammarProblem("a terminal of a lexer matches the empty text");
        terminals_.push_back(std::move(terminal));
    }
    lexers_.push_back(spec);
}

void Program::read_node(Reader& in, int32_t op) {
    Node node;
    switch (op) {
        case kTerminal: node.kind = NodeKind::Terminal, node.what = whole_expression(read_number(in)); break;
        case kCounted:
            node.kind = NodeKind::Terminal, node.what = whole_expression(read_number(in));
            node.most_tokens = in.bounded(1, kMostTokens);
            node.enough = in.bounded(-1, kMostTokens);
            counts_tokens_ = true;
            break;
        case kAlias: node.kind = NodeKind::Alias, node.what = in.next(); break;
        case kScope: node.kind = NodeKind::Scope, node.what = in.next(); break;
        case kLexeme: {
            const LexerSpec& lexer = lexers_[in.bounded(0, static_cast<int32_t>(lexers_.size()) - 1)];
            node.kind = NodeKind::Lexeme, node.what = lexer.begin + in.bounded(0, lexer.end - lexer.begin - 1);
            break;
        }
        case kSequence:
        case kChoice:
            node.kind = op == kSequence ? NodeKind::Sequence : NodeKind::Choice;
            node.children.resize(static_cast<size_t>(in.count()));
            for (NodeId& child : node.children) child = in.next();
            break;
        case kRecord:
            node.kind = NodeKind::Record, node.what = static_cast<int32_t>(records_.size());
            read_record(in);
            break;
        case kArray:
            node.kind = NodeKind::Array, node.what = static_cast<int32_t>(arrays_.size());
            read_array(in);
            break;
        default: Reader::fail();
    }
    nodes_.push_back(std::move(node));
}

void Program::read_record(Reader& in) {
    RecordSpec spec;
    spec.layout = {in.bounded(0, 2), in.bounded(0, 1 << 20), in.bounded(0, 1 << 10)};
    spec.any_order = in.bounded(0, 1) == 1;
    spec.minimum = in.bounded(0, std::numeric_limits<int32_t>::max());
    spec.maximum = in.bounded(-1, std::numeric_limits<int32_t>::max());
    spec.different_names = in.bounded(0, 1) == 1;
    spec.demands = in.bounded(0, kMostDemands);
    spec.fields.resize(static_cast<size_t>(in.count()));
    for (FieldSpec& field : spec.fields) {
        const size_t number = read_number(in);
        field.text = literals_[number];
        if (field.text.empty()) field.key = whole_expression(number);
        field.required = in.bounded(0, 1) == 1;
        field.value = read_place(in, spec.demands);
    }
    spec.extras.resize(static_cast<size_t>(in.count()));
    for (ExtraSpec& extra : spec.extras) {
        extra.name = whole_expression(read_number(in));
        extra.value = read_place(in, spec.demands);
    }
    records_.push_back(std::move(spec));
}

Place Program::read_place(Reader& in, int32_t counters) {
    Place place(static_cast<size_t>(in.count()));
    for (Alternative& alternative : place) {
        alternative.node = in.next();
        alternative.counts = static_cast<uint32_t>(in.bounded(0, (1 << counters) - 1));
    }
    return place;
}

void Program::read_array(Reader& in) {
    ArraySpec spec;
    spec.layout = {in.bounded(0, 2), in.bounded(0, 1 << 20), in.bounded(0, 1 << 10)};
    spec.minimum = in.bounded(0, std::numeric_limits<int32_t>::max());
    spec.maximum = in.bounded(-1, std::numeric_limits<int32_t>::max());
    spec.different = in.bounded(0, std::numeric_limits<int32_t>::max());
    spec.counters.resize(static_cast<size_t>(in.bounded(0, kMostCounters)));
    int64_t tallies = 1;
    for (CounterSpec& counter : spec.counters) {
        counter.minimum = in.bounded(0, std::numeric_limits<int32_t>::max() - 1);
        counter.maximum = in.bounded(-1, std::numeric_limits<int32_t>::max() - 1);
        tallies *= static_cast<int64_t>(counter.highest()) + 1;
        if (tallies > std::numeric_limits<int32_t>::max()) throw GrammarProblem("an array counts too far");
    }
    auto counters = static_cast<int32_t>(spec.counters.size());
    spec.prefix.resize(static_cast<size_t>(in.count()));
    for (Place& item : spec.prefix) item = read_place(in, counters);
    spec.rest = read_place(in, counters);
    arrays_.push_back(std::move(spec));
}

void Program::check_references() const {
    auto check = [&](NodeId id) {
        if (id < 0 || static_cast<size_t>(id) >= nodes_.size()) Reader::fail();
    };
    check(start_);
    for (const Node& node : nodes_) {
        if (node.kind == NodeKind::Alias || node.kind == NodeKind::Scope) check(node.what);
        for (NodeId child : node.children) check(child);
    }
    auto check_place = [&](const Place& place) {
        for (const Alternative& alternative : place) check(alternative.node);
    };
    for (const RecordSpec& spec : records_) {
        for (const FieldSpec& field : spec.fields) check_place(field.value);
        for (const ExtraSpec& extra : spec.extras) check_place(extra.value);
    }
    for (const ArraySpec& spec : arrays_) {
        for (const Place& item : spec.prefix) check_place(item);
        check_place(spec.rest);
    }
}

bool Program::record_is_productive(const RecordSpec& spec) const {
    int64_t available = 0, required = 0;
    for (const FieldSpec& field : spec.fields) {
        bool possible = is_productive(field.value);
        if (field.required && !(possible && (!field.text.empty() || lexer_.nonempty(field.key)))) return false;
        available += possible;
        required += field.required;
    }
    bool extra = std::ranges::any_of(spec.extras, [&](const ExtraSpec& e) { return is_productive(e.value); });
    bool enough = extra || available >= spec.minimum;
    if (spec.demands > 0) {
        required = spec.least_further(0, [](size_t) { return true; }, [&](NodeId id) { return nodes_[id].productive; });
        if (required < 0) return false;
    }
    return enough && (spec.maximum < 0 || (required <= spec.maximum && spec.minimum <= spec.maximum));
}

bool Program::is_productive(const Place& place) const {
    return std::ranges::any_of(place, [&](const Alternative& a) { return nodes_[a.node].productive; });
}

int32_t ArraySpec::count(int32_t tally, uint32_t counts) const {
    int32_t unit = 1, after = tally;
    for (size_t i = 0; i < counters.size(); ++i) {
        int32_t radix = counters[i].highest() + 1;
        int32_t counted = tally / unit % radix;
        if ((counts >> i) & 1) {
            if (counted < counters[i].highest()) {
                after += unit;
            } else if (counters[i].maximum >= 0) {
                return -1;
            }
        }
        unit *= radix;
    }
    return after;
}

bool ArraySpec::is_content(int32_t tally) const {
    for (const CounterSpec& counter : counters) {
        int32_t radix = counter.highest() + 1;
        if (tally % radix < counter.minimum) return false;
        tally /= radix;
    }
    return true;
}

bool Program::array_is_productive(const ArraySpec& spec) const {
    if (spec.maximum >= 0 && spec.minimum > spec.maximum) return false;
    auto length = static_cast<int32_t>(spec.prefix.size());
    for (int32_t i = 0; i < std::min(spec.minimum, length); ++i) {
        if (!is_productive(spec.prefix[i])) return false;
    }
    if (spec.minimum > length && !is_productive(spec.rest)) return false;
    return spec.counters.empty() || can_be_content(spec);
}

// Whether some sequence of items, as far as they are known to be productive, satisfies the counters.
bool Program::can_be_content(const ArraySpec& spec) const {
    ArraySpec known = spec;
    for (Place& item : known.prefix) drop_barren(item);
    drop_barren(known.rest);
    return known.can_finish(0, 0);
}

void Program::drop_barren(Place& place) const {
    std::erase_if(place, [&](const Alternative& a) { return !nodes_[a.node].productive; });
}

// Breadth first over numbers of items and tallies.
bool ArraySpec::can_finish(int32_t items, int32_t tally) const {
    constexpr size_t kMostVisits = 1u << 20;
    auto key = [](int32_t i, int32_t t) { return (static_cast<int64_t>(i) << 32) | t; };
    std::vector<std::array<int32_t, 2>> open{{items, tally}};
    std::unordered_set<int64_t> seen{key(items, tally)};
    for (size_t at = 0; at < open.size(); ++at) {
        auto [count_of_items, now] = open[at];
        if (count_of_items >= minimum && is_content(now)) return true;
        if (open.size() > kMostVisits) throw GrammarProblem("an array counts too far");
        if (maximum >= 0 && count_of_items >= maximum) continue;
        for (const Alternative& alternative : item(count_of_items)) {
            int32_t after = count(now, alternative.counts);
            int32_t next = std::min(count_of_items + 1, most_items());
            if (after >= 0 && seen.insert(key(next, after)).second) open.push_back({next, after});
        }
    }
    return false;
}

bool Program::is_productive(const Node& node) const {
    auto productive = [&](NodeId child) { return nodes_[child].productive; };
    switch (node.kind) {
        case NodeKind::Missing: return false;
        case NodeKind::Terminal: return lexer_.nonempty(node.what);
        case NodeKind::Alias:
        case NodeKind::Scope: return productive(node.what);
        case NodeKind::Lexeme: return lexer_.nonempty(terminals_[node.what].texts);
        case NodeKind::Sequence: return std::ranges::all_of(node.children, productive);
        case NodeKind::Choice: return std::ranges::any_of(node.children, productive);
        case NodeKind::Record: return record_is_productive(records_[node.what]);
        case NodeKind::Array: return array_is_productive(arrays_[node.what]);
    }
    return false;
}

std::vector<std::vector<NodeId>> Program::users() const {
    std::vector<std::vector<NodeId>> users(nodes_.size());
    for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) {
        const Node& node = nodes_[id];
        for (NodeId child : node.children) users[child].push_back(id);
        if (node.kind == NodeKind::Alias || node.kind == NodeKind::Scope) users[node.what].push_back(id);
        auto use = [&](const Place& place) {
            for (const Alternative& alternative : place) users[alternative.node].push_back(id);
        };
        if (node.kind == NodeKind::Record) {
            for (const FieldSpec& field : records_[node.what].fields) use(field.value);
            for (const ExtraSpec& extra : records_[node.what].extras) use(extra.value);
        }
        if (node.kind == NodeKind::Array) {
            for (const Place& item : arrays_[node.what].prefix) use(item);
            use(arrays_[node.what].rest);
        }
    }
    return users;
}

bool Program::is_nullable(const Node& node) const {
    auto nullable = [&](NodeId child) { return nodes_[child].nullable; };
    switch (node.kind) {
        case NodeKind::Terminal: return lexer_.nullable(node.what);
        case NodeKind::Alias:
        case NodeKind::Scope: return nullable(node.what);
        case NodeKind::Sequence: return std::ranges::all_of(node.children, nullable);
        case NodeKind::Choice: return std::ranges::any_of(node.children, nullable);
        default: return false;
    }
}

// The least fixed point: whoever uses a node that has got the property is looked at again.
template <typename Holds>
void Program::find(bool Node::* property, Holds holds) {
    std::vector<std::vector<NodeId>> users = this->users();
    std::vector<NodeId> open(nodes_.size());
    std::iota(open.begin(), open.end(), 0);  // children mostly stand behind their parents, and are taken first
    while (!open.empty()) {
        NodeId id = open.back();
        open.pop_back();
        if (nodes_[id].*property || !holds(nodes_[id])) continue;
        nodes_[id].*property = true;
        open.insert(open.end(), users[id].begin(), users[id].end());
    }
}

// Drops what cannot be completed, so that no move of the automaton leads into a dead end.
void Program::prune() {
    auto barren = [&](NodeId id) { return !nodes_[id].productive; };
    for (Node& node : nodes_) {
        if (node.kind == NodeKind::Choice) std::erase_if(node.children, barren);
    }
    for (RecordSpec& spec : records_) {
        for (FieldSpec& field : spec.fields) drop_barren(field.value);
        for (ExtraSpec& extra : spec.extras) drop_barren(extra.value);
        std::erase_if(spec.fields, [](const FieldSpec& field) { return !field.required && field.value.empty(); });
        std::erase_if(spec.extras, [](const ExtraSpec& extra) { return extra.value.empty(); });
        spec.required_from.assign(spec.fields.size() + 1, 0);
        for (size_t i = spec.fields.size(); i-- > 0;) {
            spec.required_from[i] = spec.required_from[i + 1] + spec.fields[i].required;
        }
    }
    for (ArraySpec& spec : arrays_) {
        for (Place& item : spec.prefix) drop_barren(item);
        drop_barren(spec.rest);
        auto first = std::ranges::find_if(spec.prefix, [](const Place& item) { return item.empty(); });
        if (first != spec.prefix.end()) {
            spec.prefix.erase(first, spec.prefix.end());
            spec.rest.clear();
        }
        auto length = static_cast<int32_t>(spec.prefix.size());
        if (spec.rest.empty() && (spec.maximum < 0 || spec.maximum > length)) spec.maximum = length;
    }
}

size_t Program::memory() const {
    size_t bytes = nodes_.size() * sizeof(Node) + terminals_.size() * sizeof(TerminalSpec);
    for (const Node& node : nodes_) bytes += node.children.capacity() * sizeof(NodeId);
    for (const RecordSpec& spec : records_) {
        bytes += sizeof(RecordSpec) + spec.fields.capacity() * (sizeof(FieldSpec) + sizeof(int32_t)) +
                 spec.extras.capacity() * sizeof(ExtraSpec);
        for (const FieldSpec& field : spec.fields) bytes += field.value.capacity() * sizeof(Alternative);
    }
    for (const ArraySpec& spec : arrays_) {
        bytes += sizeof(ArraySpec) + spec.prefix.capacity() * (sizeof(Place) + sizeof(Alternative));
    }
    return bytes;
}

}  // namespace latticework
