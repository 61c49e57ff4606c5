// The move by which a node is soon complete: a way out from every position that does not run in circles.

#include <algorithm>
#include <tuple>

#include "frames.hpp"

namespace latticework {

int64_t Frames::weight_of(const Move& move) {
    if (move.kind == Move::Read) return lexer_.shortest(move.what);
    if (move.kind == Move::Lex) return lexer_.shortest(program_.terminal(move.what).texts);
    return move.kind == Move::Call ? program_.node(positions_[move.what].node).least : 0;
}

Move Frames::way_out(PosId pos) {
    std::span<const Move> known = moves(pos);
    const std::vector<Move> all(known.begin(), known.end());
    const Position position = positions_[pos];
    const Node& node = program_.node(position.node);
    if (node.kind == NodeKind::Choice) {
        NodeId child = program_.lightest(node.children);
        return all[static_cast<size_t>(std::ranges::find(node.children, child) - node.children.begin())];
    }
    if (node.kind != NodeKind::Record && node.kind != NodeKind::Array) return all.front();
    // A container is closed as soon as it may be; until then what is asked for comes first, then what is light.
    auto order = [&](const Move& move) {
        bool asked = node.kind == NodeKind::Array ? brings_item(position, move, program_.array(node.what))
                                                  : brings_property(position, move, program_.record(node.what));
        return std::tuple(move.next != Move::kReturn, !asked, weight_of(move));
    };
    return *std::ranges::min_element(all, {}, order);
}

// Whether an alternative of an item counts towards what the array must have.
bool Frames::brings_item(const Position& pos, const Move& move, const ArraySpec& spec) const {
    if (move.next == Move::kReturn || spec.is_content(pos.tally)) return true;
    return positions_[move.next].tally != pos.tally;
}

// Whether a name is required, or a value meets a demand.
bool Frames::brings_property(const Position& pos, const Move& move, const RecordSpec& spec) const {
    if (move.next == Move::kReturn) return true;
    constexpr int32_t kPhase = (1 << kPhaseBits) - 1;
    const Position& next = positions_[move.next];
    int32_t index = next.phase >> kPhaseBits;
    auto meets = [&](const Place& place) {
        return std::ranges::any_of(
            place, [&](const Alternative& one) { return (one.counts & ~static_cast<uint32_t>(pos.tally)) != 0; });
    };
    switch (next.phase & kPhase) {
        case kField: return spec.fields[index].required || meets(spec.fields[index].value);
        case kExtra: return meets(spec.extras[index].value);
        default: return next.tally != pos.tally;
    }
}

int32_t Frames::least_of_container(const Position& pos) const {
    const Node& node = program_.node(pos.node);
    if (pos.phase == kOpen) return node.least;
    int64_t least = node.kind == NodeKind::Array ? least_of_items(pos, program_.array(node.what))
                                                 : least_of_properties(pos, program_.record(node.what));
    return static_cast<int32_t>(std::min<int64_t>(1 + least, kFar));
}

int64_t Frames::least_of_items(const Position& pos, const ArraySpec& spec) const {
    bool has_begun = pos.phase == kItem || pos.phase == kComma;
    int32_t count = std::max(spec.minimum, pos.progress + has_begun), length = static_cast<int32_t>(spec.prefix.size());
    int64_t least = 0;
    for (int32_t i = pos.progress; i < std::min(count, length); ++i)
        least += 1 + int64_t{program_.least_of(spec.prefix[i])};
    int32_t rest = count - std::max(pos.progress, length);
    return rest > 0 ? least + rest * (1 + int64_t{program_.least_of(spec.rest)}) : least;
}

int64_t Frames::least_of_properties(const Position& pos, const RecordSpec& spec) const {
    int32_t index = pos.phase >> kPhaseBits, phase = pos.phase & ((1 << kPhaseBits) - 1);
    int64_t least = 0;
    if (phase == kField) least = program_.least_of(spec.fields[index].value);
    if (phase == kExtra) least = program_.least_of(spec.extras[index].value);
    for (size_t i = 0; i < spec.fields.size(); ++i) {
        bool is_open = spec.any_order ? !is_seen(pos, i) : i >= static_cast<size_t>(pos.progress);
        if (!spec.fields[i].required || !is_open || (phase == kField && i == static_cast<size_t>(index))) continue;
        least += int64_t{program_.shortest_key(spec.fields[i])} + 2 + program_.least_of(spec.fields[i].value);
    }
    return least;
}

}  // namespace latticework
