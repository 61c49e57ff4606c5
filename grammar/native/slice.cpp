#include "slice.hpp"

#include <algorithm>

namespace latticework {
namespace {

// The length of the valid UTF-8 sequence of two to four bytes at `at`, or 0.
int wide_char_length(const std::string& text, size_t at) {
    auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0; };
    auto between = [&](size_t i, int low, int high) { return byte(i) >= low && byte(i) <= high; };
    int lead = byte(0);
    if (lead >= 0xC2 && lead <= 0xDF) return between(1, 0x80, 0xBF) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        int low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
        return between(1, low, high) && between(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead < 0xF0 || lead > 0xF4) return 0;
    int low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return between(1, low, high) && between(2, 0x80, 0xBF) && between(3, 0x80, 0xBF) ? 4 : 0;
}

int char_length(const std::string& text, size_t at, const CharClass& chars) {
    auto byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x80) return chars.ascii.contains(byte) ? 1 : 0;
    return chars.wide ? wide_char_length(text, at) : 0;
}

}  // namespace

ClassSlice::ClassSlice(const std::vector<std::string>& tokens, const CharClass& chars, int words)
    : tokens_(tokens), words_(words) {
    for (size_t id = 0; id < tokens.size(); ++id) {
        const std::string& text = tokens[id];
        if (text.empty()) continue;
        size_t length = 0;
        int run = 0;
        while (length < text.size()) {
            int next = char_length(text, length, chars);
            if (next == 0) break;
            length += static_cast<size_t>(next);
            ++run;
        }
        longest_run_ = std::max(longest_run_, run);
        Token token{static_cast<TokenId>(id), run, static_cast<int32_t>(length)};
        bool begins_wide = chars.wide && static_cast<uint8_t>(text[0]) >= 0x80;
        if (length == text.size()) {
            pure_.push_back(token);
        } else if (run > 0 || begins_wide) {
            mixed_.push_back(token);
        }
    }
    std::ranges::stable_sort(pure_, {}, &Token::run);
    std::ranges::stable_sort(mixed_, {}, &Token::run);
    pure_bits_.resize(static_cast<size_t>(longest_run_) + 1);
    tries_.resize(static_cast<size_t>(longest_run_) + 1);
}

SharedBits ClassSlice::pure(int run) {
    run = std::min(run, longest_run_);
    std::lock_guard lock(mutex_);
    SharedBits& slot = pure_bits_[static_cast<size_t>(run)];
    if (slot == nullptr) {
        auto bits = std::make_shared<Bits>(static_cast<size_t>(words_), 0u);
        for (const Token& token : pure_) {
            if (token.run > run) break;
            set_bit(*bits, token.token);
        }
        slot = std::move(bits);
    }
    return slot;
}

Trie ClassSlice::build(int first, int last) const {
    std::vector<Trie::Entry> entries;
    for (const Token& token : mixed_) {
        if (token.run < first || token.run > last) continue;
        entries.emplace_back(std::string_view(tokens_[token.token]).substr(static_cast<size_t>(token.length)),
                             token.token);
    }
    return Trie(std::move(entries));
}

const Trie& ClassSlice::remainders(int run) {
    std::lock_guard lock(mutex_);
    std::unique_ptr<Trie>& slot = tries_[static_cast<size_t>(run)];
    if (slot == nullptr) slot = std::make_unique<Trie>(build(run, run));
    return *slot;
}

const Trie& ClassSlice::all_remainders() {
    std::lock_guard lock(mutex_);
    if (all_ == nullptr) all_ = std::make_unique<Trie>(build(0, longest_run_));
    return *all_;
}

}  // namespace latticework
