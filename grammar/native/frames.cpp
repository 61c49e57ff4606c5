#include "frames.hpp"

#include <algorithm>
#include <string>

namespace latticework {
uint64_t Frames::hash_of(const Position& pos) {
    return mix(mix(mix(mix(mix(mix(5, pos.node), pos.progress), pos.phase), pos.count), pos.tally), pos.depth);
}

uint64_t Frames::hash_of(const Seen& seen) {
    uint64_t hash = 3;
    for (uint64_t word : seen) hash = mix(hash, word);
    return hash;
}

PosId Frames::intern(const Position& pos) {
    uint64_t hash = hash_of(pos);
    int32_t found = index_.find(hash, [&](int32_t id) { return positions_[id] == pos; });
    if (found >= 0) return found;
    PosId id = static_cast<PosId>(positions_.size());
    if (free_.empty()) {
        positions_.push_back(pos);
        moves_.emplace_back();
    } else {
        id = free_.back();
        free_.pop_back();
        positions_[id] = pos;
    }
    index_.insert(hash, id);
    return id;
}

int32_t Frames::intern_seen(Seen seen) {
    uint64_t hash = hash_of(seen);
    int32_t found = seen_index_.find(hash, [&](int32_t id) { return seen_[id] == seen; });
    if (found >= 0) return found;
    bytes_ += seen.size() * sizeof(uint64_t) + sizeof(Seen);
    if (free_seen_.empty()) {
        free_seen_.push_back(static_cast<int32_t>(seen_.size()));
        seen_.emplace_back();
    }
    int32_t id = free_seen_.back();
    free_seen_.pop_back();
    seen_[id] = std::move(seen);
    seen_index_.insert(hash, id);
    return id;
}

std::span<const Move> Frames::moves(PosId pos) {
    if (moves_[pos].empty()) {
        std::vector<Move> moves = expand(Position(positions_[pos]));  // a copy: expanding adds positions
        bytes_ += moves.capacity() * sizeof(Move);
        moves_[pos] = std::move(moves);  // after the call: expanding may have moved the table
    }
    return moves_[pos];
}

int32_t Frames::least(PosId pos) const {
    const Position& position = positions_[pos];
    if (position.node < 0) return 0;
    const Node& node = program_.node(position.node);
    if (node.kind == NodeKind::Scope && position.phase == kAfter) return 0;
    if (node.kind == NodeKind::Record || node.kind == NodeKind::Array) return least_of_container(position);
    if (node.kind != NodeKind::Sequence) return node.least;
    int32_t least = 0;
    for (size_t i = static_cast<size_t>(position.progress); i < node.children.size(); ++i) {
        least = std::min(kFar, least + program_.node(node.children[i]).least);
    }
    return least;
}

bool Frames::pops(PosId pos) const {
    const Position& position = positions_[pos];
    const Node& node = program_.node(position.node);
    if (node.kind == NodeKind::Scope && position.phase == kAfter) return true;
    if (node.kind != NodeKind::Sequence) return position.phase == kOpen && node.nullable;
    return std::all_of(node.children.begin() + position.progress, node.children.end(),
                       [&](NodeId child) { return program_.node(child).nullable; });
}

size_t Frames::memory() const {
    return bytes_ + positions_.capacity() * (sizeof(Position) + sizeof(std::vector<Move>)) + index_.bytes() +
           seen_index_.bytes();
}

void Frames::retain(const std::vector<bool>& keep) {
    index_.clear();
    free_.clear();
    keys_.clear();
    std::vector<bool> seen_kept(seen_.size());
    for (PosId id = 0; id < static_cast<PosId>(positions_.size()); ++id) {
        moves_[id] = {};
        if (id >= static_cast<PosId>(keep.size()) || !keep[id]) {
            free_.push_back(id);
            continue;
        }
        const Position& pos = positions_[id];
        index_.insert(hash_of(pos), id);
        if (pos.node < 0) continue;
        const Node& node = program_.node(pos.node);
        bool holds_seen = node.kind == NodeKind::Record && program_.record(node.what).any_order && pos.phase != kOpen;
        if (holds_seen) seen_kept[pos.progress] = true;
    }
    retain_seen(seen_kept);
}

void Frames::retain_seen(const std::vector<bool>& keep) {
    seen_index_.clear();
    free_seen_.clear();
    bytes_ = 0;
    for (int32_t id = 0; id < static_cast<int32_t>(seen_.size()); ++id) {
        if (!keep[id]) {
            seen_[id] = {};
            free_seen_.push_back(id);
            continue;
        }
        bytes_ += seen_[id].size() * sizeof(uint64_t) + sizeof(Seen);
        seen_index_.insert(hash_of(seen_[id]), id);
    }
}

std::vector<Move> Frames::expand(const Position& pos) {
    const Node& node = program_.node(pos.node);
    std::vector<Move> moves;
    switch (node.kind) {
        case NodeKind::Terminal: return {Move{Move::Read, node.what, Move::kReturn, node.most_tokens, node.enough}};
        case NodeKind::Lexeme: return {Move{Move::Lex, node.what, Move::kReturn}};
        case NodeKind::Scope: {
            if (pos.phase == kAfter) return {Move{Move::Pop, 0, Move::kReturn}};
            add_child(moves, node.what, pos.depth, intern({pos.node, 0, kAfter, 0, 0, pos.depth}));
            return moves;
        }
        case NodeKind::Alias: add_child(moves, node.what, pos.depth, Move::kReturn); return moves;
        case NodeKind::Choice:
            for (NodeId child : node.children) add_child(moves, child, pos.depth, Move::kReturn);
            return moves;
        case NodeKind::Sequence: return expand_sequence(pos, node);
        case NodeKind::Record: return expand_record(pos, program_.record(node.what));
        case NodeKind::Array: return expand_array(pos, program_.array(node.what));
        case NodeKind::Missing: break;
    }
    return moves;
}

void Frames::add_child(std::vector<Move>& moves, NodeId child, int32_t depth, PosId next) {
    const Node& node = program_.node(child);
    if (node.kind == NodeKind::Terminal) {
        moves.push_back({Move::Read, node.what, next, node.most_tokens, node.enough});
    } else if (node.kind == NodeKind::Lexeme) {
        moves.push_back({Move::Lex, node.what, next});
    } else {
        moves.push_back({Move::Call, start(child, depth), next});
    }
}

std::vector<Move> Frames::expand_sequence(const Position& pos, const Node& node) {
    if (node.children.empty()) return {Move{Move::Pop, 0, Move::kReturn}};
    std::vector<Move> moves;
    bool last = static_cast<size_t>(pos.progress) + 1 == node.children.size();
    PosId next = last ? Move::kReturn : intern({pos.node, pos.progress + 1, kOpen, 0, 0, pos.depth});
    add_child(moves, node.children[pos.progress], pos.depth, next);
    return moves;
}

// ------------------------------------------------------------------------------------------------------ JSON arrays

std::vector<Move> Frames::expand_array(const Position& pos, const ArraySpec& spec) {
    std::vector<Move> moves;
    int32_t inner = inner_depth(spec.layout, pos.depth);
    bool may_close = pos.progress >= spec.minimum && spec.is_content(pos.tally);
    auto at = [&](Phase phase) {
        Position next = pos;
        next.phase = phase;
        return intern(next);
    };
    if (pos.phase == kOpen) {
        moves.push_back({Move::Read, open(spec.layout, "["), at(kFirst)});
    } else if (pos.phase == kItem) {
        for (const Alternative& alternative : spec.item(pos.progress)) {
            int32_t items = std::min(pos.progress + 1, spec.most_items());
            int32_t tally = count_item(pos, spec, alternative.counts);
            if (tally >= 0)
                add_child(moves, alternative.node, inner, intern({pos.node, items, kAfter, 0, tally, pos.depth}));
        }
    } else if (pos.phase == kAfter) {
        if (may_add(pos, spec)) moves.push_back({Move::Read, comma(spec.layout), at(kComma)});
        if (may_close) moves.push_back({Move::Read, close(spec.layout, pos.depth, "]", false), Move::kReturn});
    } else {  // kFirst, kComma
        if (may_add(pos, spec)) moves.push_back({Move::Read, lead(spec.layout, inner), at(kItem)});
        if (pos.phase == kFirst && may_close) {
            moves.push_back({Move::Read, close(spec.layout, pos.depth, "]", true), Move::kReturn});
        }
    }
    return moves;
}

int32_t Frames::count_item(const Position& pos, const ArraySpec& spec, uint32_t counts) {
    if (spec.counters.empty()) return 0;
    int32_t tally = spec.count(pos.tally, counts);
    if (tally < 0) return -1;
    std::array<int32_t, 3> key{program_.node(pos.node).what, std::min(pos.progress + 1, spec.most_items()), tally};
    auto found = finishes_.find(key);
    if (found == finishes_.end()) found = finishes_.emplace(key, spec.can_finish(key[1], tally)).first;
    return found->second ? tally : -1;
}

bool Frames::may_add(const Position& pos, const ArraySpec& spec) {
    if (spec.maximum >= 0 && pos.progress >= spec.maximum) return false;
    if (spec.counters.empty()) return true;
    return std::ranges::any_of(spec.item(pos.progress), [&](const Alternative& alternative) {
        return count_item(pos, spec, alternative.counts) >= 0;
    });
}

// ------------------------------------------------------------------------------------------- different items and names

bool Frames::ends_scope(PosId pos) const {
    const Position& position = positions_[pos];
    return position.phase == kAfter && program_.node(position.node).kind == NodeKind::Scope;
}

int32_t Frames::phase_of_different(PosId pos) const {
    const Node& node = program_.node(positions_[pos].node);
    bool is_different = (node.kind == NodeKind::Array && program_.array(node.what).different > 0) ||
                        (node.kind == NodeKind::Record && program_.record(node.what).different_names);
    return is_different ? positions_[pos].phase & ((1 << kPhaseBits) - 1) : -1;
}

int32_t Frames::choice_of_different(PosId pos) const {
    const Node& node = program_.node(positions_[pos].node);
    return node.kind == NodeKind::Array ? program_.array(node.what).different : 0;
}

bool Frames::ends_different(PosId pos) const {
    int32_t phase = phase_of_different(pos);
    bool is_array = phase >= 0 && program_.node(positions_[pos].node).kind == NodeKind::Array;
    return is_array ? phase == kAfter : phase == kExtra;
}

// ----------------------------------------------------------------------------------------------------- JSON objects

bool Frames::is_seen(const Position& pos, size_t field) const {
    return (seen_[pos.progress][field / 64] >> (field % 64)) & 1;
}

int32_t Frames::missing_required(const Position& pos, const RecordSpec& spec) const {
    if (!spec.any_order) return spec.required_from[pos.progress];
    int32_t missing = 0;
    for (size_t i = 0; i < spec.fields.size(); ++i) missing += spec.fields[i].required && !is_seen(pos, i);
    return missing;
}

bool Frames::can_meet_demands(const Position& pos, const RecordSpec& spec) const {
    auto is_open = [&](size_t field) {
        return spec.any_order ? !is_seen(pos, field) : field >= static_cast<size_t>(pos.progress);
    };
    int64_t least = spec.least_further(static_cast<uint32_t>(pos.tally), is_open, [](NodeId) { return true; });
    return least >= 0 && (spec.maximum < 0 || pos.count + least <= spec.maximum);
}

// Whether some alternative of a place leads to `next` and on to a whole object.
bool Frames::fits(const Place& place, const Position& next, const RecordSpec& spec) const {
    return spec.demands == 0 || std::ranges::any_of(place, [&](const Alternative& alternative) {
               Position after = next;
               after.tally |= static_cast<int32_t>(alternative.counts);
               return can_meet_demands(after, spec);
           });
}

void Frames::add_place(std::vector<Move>& moves, const Place& place, const Position& next, const RecordSpec& spec) {
    int32_t inner = inner_depth(spec.layout, next.depth);
    for (const Alternative& alternative : place) {
        Position after = next;
        after.tally |= static_cast<int32_t>(alternative.counts);
        if (spec.demands == 0 || can_meet_demands(after, spec)) {
            add_child(moves, alternative.node, inner, intern(after));
        }
    }
}

// Whether the field may come next such that the object can still be completed within its bounds.
bool Frames::may_write(const Position& pos, const RecordSpec& spec, size_t field, int32_t missing) {
    if (spec.any_order && is_seen(pos, field)) return false;
    if (spec.demands > 0 && !fits(spec.fields[field].value, after_field(pos, spec, static_cast<int32_t>(field)), spec))
        return false;
    int32_t required_after = spec.any_order ? missing - spec.fields[field].required : spec.required_from[field + 1];
    if (spec.maximum >= 0 && pos.count + 1 + required_after > spec.maximum) return false;
    if (spec.any_order || !spec.extras.empty()) return true;  // nothing is skipped, or extras make up for it
    return pos.count + static_cast<int64_t>(spec.fields.size() - field) >= spec.minimum;
}

bool Frames::may_add_extra(const Position& pos, const RecordSpec& spec) const {
    if (spec.extras.empty()) return false;
    int32_t missing = missing_required(pos, spec);
    if (!spec.any_order && missing > 0) return false;
    if (spec.maximum >= 0 && pos.count + 1 + missing > spec.maximum) return false;
    return spec.demands == 0 || std::ranges::any_of(spec.extras, [&](const ExtraSpec& extra) {
               return fits(extra.value, after_extra(pos, spec), spec);
           });
}

bool Frames::may_close(const Position& pos, const RecordSpec& spec) const {
    bool is_content = static_cast<uint32_t>(pos.tally) == spec.all_demands();
    return is_content && pos.count >= spec.minimum && missing_required(pos, spec) == 0;
}

bool Frames::may_go_on(const Position& pos, const RecordSpec& spec) {
    if (may_add_extra(pos, spec)) return true;
    int32_t missing = missing_required(pos, spec);
    for (size_t i = spec.any_order ? 0 : static_cast<size_t>(pos.progress); i < spec.fields.size(); ++i) {
        if (may_write(pos, spec, i, missing)) return true;
        if (!spec.any_order && spec.fields[i].required) return false;
    }
    return false;
}

Frames::Position Frames::after_field(const Position& pos, const RecordSpec& spec, int32_t field) {
    Position next{pos.node, field + 1, kAfter, spec.counts() ? pos.count + 1 : 0, pos.tally, pos.depth};
    if (spec.any_order) {
        Seen seen = seen_[pos.progress];
        seen[static_cast<size_t>(field) / 64] |= 1ULL << (field % 64);
        next.progress = intern_seen(std::move(seen));
    }
    if (spec.maximum < 0) next.count = std::min(next.count, spec.minimum);
    return next;
}

Frames::Position Frames::after_extra(const Position& pos, const RecordSpec& spec) const {
    Position next{pos.node, pos.progress, kAfter, spec.counts() ? pos.count + 1 : 0, pos.tally, pos.depth};
    if (!spec.any_order) next.progress = static_cast<int32_t>(spec.fields.size());
    if (spec.maximum < 0) next.count = std::min(next.count, spec.minimum);
    return next;
}

void Frames::add_fields(std::vector<Move>& moves, const Position& pos, const RecordSpec& spec) {
    const int32_t inner = inner_depth(spec.layout, pos.depth);
    std::vector<ExprId>& keys = keys_[{&spec, inner}];
    int32_t missing = missing_required(pos, spec);
    for (size_t i = spec.any_order ? 0 : static_cast<size_t>(pos.progress); i < spec.fields.size(); ++i) {
        if (may_write(pos, spec, i, missing)) {
            Position at = pos;
            at.phase = kField | (static_cast<int32_t>(i) << kPhaseBits);
            if (!spec.any_order) at.progress = static_cast<int32_t>(i);  // whatever was left out before
            moves.push_back({Move::Read, key_of(spec, i, keys, inner), intern(at)});
        }
        if (!spec.any_order && spec.fields[i].required) return;
    }
}

void Frames::add_extras(std::vector<Move>& moves, const Position& pos, const RecordSpec& spec) {
    if (!may_add_extra(pos, spec)) return;
    int32_t inner = inner_depth(spec.layout, pos.depth);
    for (size_t i = 0; i < spec.extras.size(); ++i) {
        if (!fits(spec.extras[i].value, after_extra(pos, spec), spec)) continue;
        Position at = pos;
        at.phase = kExtra | (static_cast<int32_t>(i) << kPhaseBits);
        if (!spec.any_order) at.progress = static_cast<int32_t>(spec.fields.size());
        moves.push_back({Move::Read, key(spec.layout, inner, spec.extras[i].name), intern(at)});
    }
}

std::vector<Move> Frames::expand_record(const Position& pos, const RecordSpec& spec) {
    std::vector<Move> moves;
    int32_t index = pos.phase >> kPhaseBits;
    switch (pos.phase & ((1 << kPhaseBits) - 1)) {
        case kOpen: {
            int32_t progress = spec.any_order ? intern_seen(Seen((spec.fields.size() + 63) / 64)) : 0;
            moves.push_back(
                {Move::Read, open(spec.layout, "{"), intern({pos.node, progress, kFirst, 0, 0, pos.depth})});
            break;
        }
        case kField: add_place(moves, spec.fields[index].value, after_field(pos, spec, index), spec); break;
        case kExtra: add_place(moves, spec.extras[index].value, after_extra(pos, spec), spec); break;
        case kAfter: {
            Position next = pos;
            next.phase = kComma;
            if (may_go_on(pos, spec)) moves.push_back({Move::Read, comma(spec.layout), intern(next)});
            if (may_close(pos, spec))
                moves.push_back({Move::Read, close(spec.layout, pos.depth, "}", false), Move::kReturn});
            break;
        }
        default:  // kFirst, kComma
            add_fields(moves, pos, spec);
            add_extras(moves, pos, spec);
            if (pos.phase == kFirst && may_close(pos, spec)) {
                moves.push_back({Move::Read, close(spec.layout, pos.depth, "}", true), Move::kReturn});
            }
    }
    return moves;
}

// ---------------------------------------------------------------------------------------------------------- layouts

int32_t Frames::inner_depth(const Layout& layout, int32_t depth) const {
    return layout.style == Layout::Indent ? depth + 1 : depth;
}

ExprId Frames::space(const Layout& layout) {
    if (layout.style != Layout::Flexible || layout.max_whitespace == 0) return RegexSet::kEmpty;
    ByteSet set;
    for (char c : {' ', '\t', '\n', '\r'}) set.insert(c);
    return lexer_.regex.repeat(lexer_.regex.bytes(set), 0, layout.max_whitespace);
}

// The indentation before a key, an item, or a closing bracket after one.
ExprId Frames::lead(const Layout& layout, int32_t depth) {
    if (layout.style != Layout::Indent) return RegexSet::kEmpty;
    std::array<int32_t, 2> at{layout.indent, depth};
    if (auto found = leads_.find(at); found != leads_.end()) return found->second;
    std::string line = "\n" + std::string(static_cast<size_t>(depth) * static_cast<size_t>(layout.indent), ' ');
    return leads_.emplace(at, lexer_.regex.literal(line)).first->second;
}

// White space stands behind an opening bracket, a comma and a colon, and before a comma, a colon and a closing bracket:
// so the states inside it are the same for all containers of all grammars.
ExprId Frames::open(const Layout& layout, const char* bracket) { return lexer_.regex.literal(bracket, space(layout)); }

ExprId Frames::close(const Layout& layout, int32_t depth, const char* bracket, bool is_first) {
    ExprId last = lexer_.regex.literal(bracket);
    if (is_first) return last;  // an empty container: `open` has read the space
    return lexer_.regex.concat(layout.style == Layout::Indent ? lead(layout, depth) : space(layout), last);
}

ExprId Frames::comma(const Layout& layout) {
    return lexer_.regex.concat(space(layout), lexer_.regex.literal(",", space(layout)));
}

ExprId Frames::colon(const Layout& layout) {
    RegexSet& regex = lexer_.regex;
    return layout.style == Layout::Indent ? regex.literal(": ")
                                          : regex.concat(space(layout), regex.literal(":", space(layout)));
}

ExprId Frames::key(const Layout& layout, int32_t depth, ExprId name) {
    RegexSet& regex = lexer_.regex;
    return regex.concat(lead(layout, depth), regex.concat(name, colon(layout)));
}

// The keys of a record, as far as they have been asked for: each position between two properties asks for many.
ExprId Frames::key_of(const RecordSpec& spec, size_t field, std::vector<ExprId>& known, int32_t depth) {
    if (known.empty()) {
        known.resize(spec.fields.size(), -1);
        bytes_ += known.size() * sizeof(ExprId);
    }
    if (known[field] >= 0) return known[field];
    const std::string_view text = spec.fields[field].text;
    RegexSet& regex = lexer_.regex;
    return known[field] = text.empty()
                              ? key(spec.layout, depth, spec.fields[field].key)
                              : regex.concat(lead(spec.layout, depth), regex.literal(text, colon(spec.layout)));
}

}  // namespace latticework
