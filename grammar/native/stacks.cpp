#include "stacks.hpp"

#include <algorithm>

#include "errors.hpp"

namespace latticework {

StackSets::StackSets() {
    intern(Set{});
    intern(Set{{}, true, 0});
}

uint64_t StackSets::hash_of(const Set& set) {
    uint64_t hash = set.has_empty ? 11 : 13;
    for (const StackTop& top : set.tops) hash = mix(mix(hash, top.pos), top.below);
    return hash;
}

StackId StackSets::intern(Set set) {
    uint64_t hash = hash_of(set);
    int32_t found = index_.find(
        hash, [&](int32_t id) { return sets_[id].has_empty == set.has_empty && sets_[id].tops == set.tops; });
    if (found >= 0) return found;
    if (!set.has_empty && frames_ != nullptr) {
        set.least = kFar;
        for (const StackTop& top : set.tops) {
            set.least = std::min(set.least, frames_->least(top.pos) + sets_[top.below].least);
        }
    }
    bytes_ += sizeof(Set) + set.tops.capacity() * sizeof(StackTop);
    StackId id = static_cast<StackId>(sets_.size());
    if (free_.empty()) {
        sets_.push_back(std::move(set));
    } else {
        id = free_.back();
        free_.pop_back();
        sets_[id] = std::move(set);
    }
    index_.insert(hash, id);
    return id;
}

StackId StackSets::push(PosId pos, StackId below) { return intern(Set{{StackTop{pos, below}}, false, 0}); }

StackId StackSets::unite(StackId a, StackId b) { return unite(a, b, 0); }

StackId StackSets::unite(StackId a, StackId b, int depth) {
    if (a == b || b == kNone) return a;
    if (a == kNone) return b;
    if (a > b) std::swap(a, b);
    if (depth > kMaxUniteDepth) throw GrammarProblem("two ways to read a text differ only below 10,000 nested parts");
    uint64_t key = (static_cast<uint64_t>(a) << 32) | static_cast<uint32_t>(b);
    if (auto found = unions_.find(key); found != unions_.end()) return found->second;
    const std::vector<StackTop> left = sets_[a].tops, right = sets_[b].tops;  // copies: interning moves the table
    Set out{{}, sets_[a].has_empty || sets_[b].has_empty, 0};
    out.tops.reserve(left.size() + right.size());
    for (size_t i = 0, j = 0; i < left.size() || j < right.size();) {
        if (j == right.size() || (i < left.size() && left[i].pos < right[j].pos)) {
            out.tops.push_back(left[i++]);
        } else if (i == left.size() || right[j].pos < left[i].pos) {
            out.tops.push_back(right[j++]);
        } else {
            out.tops.push_back({left[i].pos, unite(left[i].below, right[j].below, depth + 1)});
            ++i, ++j;
        }
    }
    StackId result = intern(std::move(out));
    unions_.emplace(key, result);
    return result;
}

size_t StackSets::memory() const {
    return bytes_ + index_.bytes() + unions_.size() * 32 + free_.capacity() * sizeof(StackId);
}

void StackSets::mark(StackId id, std::vector<bool>& keep, std::vector<bool>& positions) const {
    std::vector<StackId> open{id};
    keep.resize(sets_.size());
    while (!open.empty()) {
        StackId at = open.back();
        open.pop_back();
        if (keep[at]) continue;
        keep[at] = true;
        for (const StackTop& top : sets_[at].tops) {
            if (static_cast<size_t>(top.pos) >= positions.size()) positions.resize(static_cast<size_t>(top.pos) + 1);
            positions[top.pos] = true;
            open.push_back(top.below);
        }
    }
}

void StackSets::retain(const std::vector<bool>& keep) {
    index_.clear();
    unions_.clear();
    free_.clear();
    bytes_ = 0;
    for (StackId id = 0; id < static_cast<StackId>(sets_.size()); ++id) {
        bool kept = id <= kOnlyEmpty || (static_cast<size_t>(id) < keep.size() && keep[id]);
        if (!kept) {
            sets_[id] = Set{};
            free_.push_back(id);
            continue;
        }
        bytes_ += sizeof(Set) + sets_[id].tops.capacity() * sizeof(StackTop);
        index_.insert(hash_of(sets_[id]), id);
    }
}

}  // namespace latticework
