#include "vocabulary.hpp"

#include <algorithm>

#include "errors.hpp"

namespace latticework {
namespace {

constexpr size_t kMaxSlices = 48;
constexpr int kAskedBeforeBuilding = 3;  // a walk of the trie costs about a third of building a slice

CharClass json_string_class() {
    CharClass chars{ByteSet::range(0x20, 0x7F), true};
    chars.ascii.erase('"');
    chars.ascii.erase('\\');
    return chars;
}

Trie build_trie(const std::vector<std::string>& texts) {
    std::vector<Trie::Entry> entries;
    for (size_t id = 0; id < texts.size(); ++id) {
        if (!texts[id].empty()) entries.emplace_back(texts[id], static_cast<TokenId>(id));
    }
    return Trie(std::move(entries));
}

bool has_every_byte(const Trie& trie) {
    ByteSet found;
    for (int32_t node = 1; node < trie.size(); node = trie.end(node)) {
        if (!trie.tokens(node).empty()) found.insert(trie.byte(node));
    }
    ByteSet needed = ByteSet::range(0x00, 0xBF) | ByteSet::range(0xC2, 0xF4);
    return (needed & ~found).empty();
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<TokenId> eos, long size)
    : texts_(std::move(tokens)), eos_(std::move(eos)) {
    long count = static_cast<long>(texts_.size());
    if (size < 0) size = count;
    if (size < count) throw VocabularyProblem("size is smaller than the number of tokens");
    if (size == 0 || size > (1L << 24)) throw VocabularyProblem("a vocabulary has 1 to 16,777,216 tokens");
    size_ = static_cast<int>(size);
    texts_.resize(static_cast<size_t>(size));
    is_eos_.resize(static_cast<size_t>(size), false);
    std::ranges::sort(eos_);
    eos_.erase(std::unique(eos_.begin(), eos_.end()), eos_.end());
    if (eos_.empty()) throw VocabularyProblem("a vocabulary needs at least one end token");
    for (TokenId id : eos_) {
        if (id < 0 || id >= size_)
            throw VocabularyProblem("end token " + std::to_string(id) + " is not in the vocabulary");
        is_eos_[id] = true;
        eos_bytes_.emplace_back(id, std::move(texts_[id]));
        texts_[id].clear();
    }
    trie_ = build_trie(texts_);
    longest_ = trie_.max_depth();
    longer_than_.resize(static_cast<size_t>(longest_) + 1);
    spells_every_byte_ = has_every_byte(trie_);
}

const std::string& Vocabulary::given_bytes(TokenId id) const {
    if (!is_eos_[id]) return texts_[id];
    return std::ranges::find(eos_bytes_, id, [](const auto& entry) { return entry.first; })->second;
}

ClassSlice* Vocabulary::slice(const CharClass& chars) {
    static const CharClass kJsonString = json_string_class();
    std::lock_guard lock(mutex_);
    auto slot = std::ranges::find(slices_, chars, &SliceSlot::chars);
    if (slot == slices_.end()) {
        if (slices_.size() == kMaxSlices) return nullptr;
        slices_.push_back(SliceSlot{chars, 0, nullptr});
        slot = slices_.end() - 1;
    }
    if (slot->slice == nullptr && (++slot->asked >= kAskedBeforeBuilding || chars == kJsonString)) {
        slot->slice = std::make_unique<ClassSlice>(texts_, chars, words());
    }
    return slot->slice.get();
}

const Trie& Vocabulary::longer_than(int length) {
    std::lock_guard lock(mutex_);
    std::unique_ptr<Trie>& slot = longer_than_[static_cast<size_t>(std::min(length, longest_))];
    if (slot != nullptr) return *slot;
    auto bytes = [&](TokenId id) { return static_cast<int>(texts_[id].size()); };
    if (by_length_.empty()) {
        by_length_.resize(static_cast<size_t>(longest_) + 1);
        for (TokenId id = 0; id < size_; ++id) by_length_[static_cast<size_t>(bytes(id))].push_back(id);
    }
    std::vector<Trie::Entry> entries;
    for (int bytes_now = length + 1; bytes_now <= longest_; ++bytes_now) {
        for (TokenId id : by_length_[static_cast<size_t>(bytes_now)]) entries.emplace_back(texts_[id], id);
    }
    slot = std::make_unique<Trie>(std::move(entries));
    return *slot;
}

std::shared_ptr<Lexer> Vocabulary::lexer(size_t budget) {
    std::lock_guard lock(lexer_mutex_);
    if (lexer_ != nullptr) {
        std::lock_guard lexer_lock(lexer_->mutex);
        if (lexer_->memory() <= budget) return lexer_;
    }
    lexer_ = std::make_shared<Lexer>();
    return lexer_;
}

}  // namespace latticework
