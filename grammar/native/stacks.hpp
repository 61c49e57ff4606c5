// Sets of stacks of positions, hash-consed: a graph-structured stack in which equal sets are one integer.
//
// A set maps each position that may be on top to the set of stacks below it, and says whether the empty stack is a
// member. The union of two sets merges the maps, so stacks that differ only far down share everything above.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "frames.hpp"
#include "intern.hpp"

namespace latticework {

using StackId = int32_t;

struct StackTop {
    PosId pos;
    StackId below;
    bool operator==(const StackTop&) const = default;
};

class StackSets {
public:
    static constexpr StackId kNone = 0;       // no stack at all
    static constexpr StackId kOnlyEmpty = 1;  // just the empty stack

    StackSets();

    StackId push(PosId pos, StackId below);
    StackId unite(StackId a, StackId b);
    std::span<const StackTop> tops(StackId id) const { return sets_[id].tops; }
    bool has_empty(StackId id) const { return sets_[id].has_empty; }
    // About so many bytes complete the text: a guide for searches.
    int32_t least(StackId id) const { return sets_[id].least; }
    void weigh_with(const Frames& frames) { frames_ = &frames; }

    size_t memory() const;
    size_t count() const { return sets_.size() - free_.size(); }

    // Marks `id` and all below it in `keep`, and their positions in `positions`.
    void mark(StackId id, std::vector<bool>& keep, std::vector<bool>& positions) const;
    void retain(const std::vector<bool>& keep);  // forgets the others

private:
    static constexpr int kMaxUniteDepth = 10000;

    struct Set {
        std::vector<StackTop> tops;  // ascending by position
        bool has_empty = false;
        int32_t least = 0;
    };

    StackId intern(Set set);
    StackId unite(StackId a, StackId b, int depth);
    static uint64_t hash_of(const Set& set);

    const Frames* frames_ = nullptr;
    std::vector<Set> sets_;
    std::vector<StackId> free_;
    HashIndex index_;
    std::unordered_map<uint64_t, StackId> unions_;
    size_t bytes_ = 0;
};

}  // namespace latticework
