// About how many bytes the shortest text of each node has: a guide for searches, and for the way out of a text.

#include <numeric>

#include "program.hpp"

namespace latticework {

int32_t Program::least_of(const Place& place) const {
    int32_t least = kFar;
    for (const Alternative& alternative : place) least = std::min(least, nodes_[alternative.node].least);
    return least;
}

int32_t Program::shortest_key(const FieldSpec& field) const {
    return field.text.empty() ? lexer_.shortest(field.key) : static_cast<int32_t>(field.text.size());
}

// The required properties, and the cheapest others as far as some number of them is asked for. Demands are left out.
int32_t Program::least_of(const RecordSpec& spec) const {
    int64_t total = 2;
    std::vector<int64_t> others;
    for (const FieldSpec& field : spec.fields) {
        int64_t cost = int64_t{shortest_key(field)} + 2 + least_of(field.value);
        if (field.required) total += cost;
        if (!field.required) others.push_back(cost);
    }
    auto missing = spec.minimum - static_cast<int64_t>(spec.fields.size() - others.size());
    if (missing > 0) {
        int64_t extra = kFar;
        for (const ExtraSpec& one : spec.extras)
            extra = std::min(extra, int64_t{lexer_.shortest(one.name)} + 2 + least_of(one.value));
        others.insert(others.end(), static_cast<size_t>(std::min<int64_t>(missing, kMostWeighed)), extra);
        std::ranges::sort(others);
        for (int64_t i = 0; i < std::min<int64_t>(missing, kMostWeighed); ++i) total += others[static_cast<size_t>(i)];
    }
    return static_cast<int32_t>(std::min<int64_t>(total, kFar));
}

int32_t Program::least_of(const ArraySpec& spec) const {
    int64_t total = 2;
    auto length = static_cast<int32_t>(spec.prefix.size());
    for (int32_t i = 0; i < std::min(spec.minimum, length); ++i) total += 1 + int64_t{least_of(spec.prefix[i])};
    if (spec.minimum > length) total += (spec.minimum - length) * (1 + int64_t{least_of(spec.rest)});
    return static_cast<int32_t>(std::min<int64_t>(total, kFar));
}

int32_t Program::least_of(const Node& node) const {
    switch (node.kind) {
        case NodeKind::Missing: return kFar;
        case NodeKind::Terminal: return lexer_.shortest(node.what);
        case NodeKind::Lexeme: return lexer_.shortest(terminals_[node.what].texts);
        case NodeKind::Alias:
        case NodeKind::Scope: return nodes_[node.what].least;
        case NodeKind::Record: return least_of(records_[node.what]);
        case NodeKind::Array: return least_of(arrays_[node.what]);
        case NodeKind::Choice: {
            int32_t least = kFar;
            for (NodeId child : node.children) least = std::min(least, nodes_[child].least);
            return least;
        }
        case NodeKind::Sequence: {
            int32_t least = 0;
            for (NodeId child : node.children) least = std::min(kFar, least + nodes_[child].least);
            return least;
        }
    }
    return kFar;
}

// A node is weighed again when one below it has become lighter. Its rank is when it was last: so the lightest child of
// a choice, and of those the one of the lowest rank, never leads back to the choice.
void Program::weigh() {
    if (is_weighed_) return;
    is_weighed_ = true;
    std::vector<std::vector<NodeId>> users = this->users();
    std::vector<NodeId> open(nodes_.size());
    std::iota(open.begin(), open.end(), 0);
    std::vector<bool> is_open(nodes_.size(), true);  // a wide record waits for all that it is made of
    int64_t rank = 0;
    while (!open.empty()) {
        NodeId id = open.back();
        open.pop_back();
        is_open[id] = false;
        int32_t least = least_of(nodes_[id]);
        if (least >= nodes_[id].least) continue;
        nodes_[id].least = least;
        nodes_[id].rank = ++rank;
        for (NodeId user : users[id]) {
            if (!is_open[user]) open.push_back(user);
            is_open[user] = true;
        }
    }
}

NodeId Program::lightest(std::span<const NodeId> nodes) const {
    return *std::ranges::min_element(nodes, {},
                                     [&](NodeId id) { return std::pair(nodes_[id].least, nodes_[id].rank); });
}

}  // namespace latticework
