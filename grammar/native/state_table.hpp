// A table that grows without moving what it holds, so that a slot may be read while others are added.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "errors.hpp"

namespace latticework {

// Three levels of fixed blocks. Owns what the slots point to; ids are never given twice, but a block whose slots were
// all dropped is freed.
template <typename Value>
class StateTable {
public:
    StateTable() = default;
    StateTable(const StateTable&) = delete;
    StateTable& operator=(const StateTable&) = delete;
    ~StateTable() {
        for (auto& branch : root_) {
            Branch* leaves = branch.load();
            if (leaves == nullptr) continue;
            for (auto& slot : *leaves) free_leaf(slot.load());
            delete leaves;
        }
    }

    int32_t size() const { return size_; }  // dropped slots included

    Value* get(int32_t id) const {  // null for an id that was never given or was dropped
        if (id < 0 || id >= kMost) return nullptr;
        const Branch* branch = root_[id / (kLeaf * kBranch)].load(std::memory_order_acquire);
        if (branch == nullptr) return nullptr;
        const Leaf* leaf = (*branch)[id / kLeaf % kBranch].load(std::memory_order_acquire);
        return leaf == nullptr ? nullptr : leaf->slots[id % kLeaf].load(std::memory_order_acquire);
    }

    int32_t add(std::unique_ptr<Value> value) {
        if (size_ >= kMost) throw LimitReached("states", kMost, "the automaton has too many states");
        Leaf& leaf = leaf_for(size_);
        ++leaf.held;
        leaf.slots[size_ % kLeaf].store(value.release(), std::memory_order_release);
        return size_++;
    }

    // The caller sees to it that nobody reads.
    void drop(int32_t id) {
        auto& slot = (*root_[id / (kLeaf * kBranch)].load())[id / kLeaf % kBranch];
        Leaf* leaf = slot.load();
        delete leaf->slots[id % kLeaf].exchange(nullptr);
        bool full = (id / kLeaf + 1) * kLeaf <= size_;  // no further slot of it will be given
        if (--leaf->held > 0 || !full) return;
        slot.store(nullptr);
        delete leaf;
        bytes_ -= sizeof(Leaf);
    }

    size_t memory() const { return bytes_; }

private:
    static constexpr int32_t kLeaf = 128, kBranch = 1024, kRoot = 256, kMost = kLeaf * kBranch * kRoot;

    struct Leaf {
        std::array<std::atomic<Value*>, kLeaf> slots{};
        int32_t held = 0;
    };
    using Branch = std::array<std::atomic<Leaf*>, kBranch>;

    static void free_leaf(Leaf* leaf) {
        if (leaf == nullptr) return;
        for (auto& slot : leaf->slots) delete slot.load();
        delete leaf;
    }

    Leaf& leaf_for(int32_t id) {
        auto& branch = root_[id / (kLeaf * kBranch)];
        if (branch.load() == nullptr) {
            branch.store(new Branch{}, std::memory_order_release);
            bytes_ += sizeof(Branch);
        }
        auto& slot = (*branch.load())[id / kLeaf % kBranch];
        if (slot.load() == nullptr) {
            slot.store(new Leaf, std::memory_order_release);
            bytes_ += sizeof(Leaf);
        }
        return *slot.load();
    }

    std::array<std::atomic<Branch*>, kRoot> root_{};
    int32_t size_ = 0;
    size_t bytes_ = 0;
};

}  // namespace latticework
