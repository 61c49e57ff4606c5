// States and transitions of the token automaton.

#include "automaton.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "errors.hpp"

namespace latticework {

Automaton::Config::~Config() {
    delete table.load();
    delete mask.load();
}

Automaton::Automaton(std::shared_ptr<Vocabulary> vocabulary, std::string code, std::string text, const Limits& limits)
    : vocabulary_(std::move(vocabulary)), code_(std::move(code)), text_(std::move(text)), limits_(limits) {
    if (code_.size() % sizeof(int32_t) != 0) throw GrammarProblem("the compiled program of a grammar is damaged");
    std::vector<int32_t> words(code_.size() / sizeof(int32_t));
    std::memcpy(words.data(), code_.data(), code_.size());
    lexer_ = vocabulary_->lexer(limits_.lexer_bytes);
    collect_above_ = limits_.grammar_bytes;
    Building building(*this);
    program_ = std::make_unique<Program>(*lexer_, words, text_, limits_.grammar_nodes);
    lexemes_ = std::make_unique<Lexemes>(*program_, *lexer_, limits_.derivative_steps);
    program_->settle(lexemes_->unreadable());
    lexemes_->look_at_neighbours();
    if (program_->counts_tokens()) look_at_counts();
    frames_ = std::make_unique<Frames>(*program_, *lexer_);
    reaches_ = std::make_unique<Reaches>(*lexer_, *lexemes_, *vocabulary_);
    if (!program_->terminals().empty()) stacks_.weigh_with(*frames_);
    auto terminated = std::make_unique<Config>();
    terminated->accepting = true;
    add_config(std::move(terminated));
    const Fragment& first = closure(stacks_.push(frames_->start(program_->start()), StackSets::kOnlyEmpty));
    start_ = state_of(first);
    if (start_ == kDead || (is_doubtful(at(start_)) && !guard_alive(start_)))
        throw Unsatisfiable("no text satisfies the constraint");
    require_spelling();
}

// ------------------------------------------------------------------------------------------------ the table of states

Automaton::Config& Automaton::at(StateId state) const {
    Config* config = configs_.get(state);
    if (config == nullptr) {
        throw std::out_of_range(std::to_string(state) + " is not a state of this grammar" +
                                (state >= 0 ? ", or it was dropped to stay within the byte budget" : ""));
    }
    return *config;
}

StateId Automaton::add_config(std::unique_ptr<Config> config) {
    for (const Item& item : config->items) config->alive = config->alive | lexer_->alive(item.lex);
    config->is_certain = lexemes_ != nullptr && !config->trail && bytes_in_doubt(*config).empty();
    bytes_ += config->own_bytes();
    ++live_states_;
    return configs_.add(std::move(config));
}

uint64_t Automaton::hash_of(const Config& config) {
    uint64_t hash = config.accepting ? 17 : 19;
    for (const Item& item : config.items) {
        hash = mix(mix(hash, item.lex), item.stacks);
        if (!item.is_plain()) hash = mix(mix(hash, item.longer), item.guard);
        if (item.allowance.is_limited()) hash = mix(hash, item.allowance.halves);
    }
    return config.trail ? mix(hash, config.trail->hash()) : hash;
}

StateId Automaton::state_of(const Fragment& fragment) {
    if (fragment.state == kUnknown) fragment.state = intern(fragment.items, fragment.accepting);
    return fragment.state;
}

StateId Automaton::intern(std::vector<Item> items, bool accepting, TrailPtr trail) {
    if (items.empty() && !accepting) return kDead;
    auto config = std::make_unique<Config>();
    config->items = std::move(items);
    config->accepting = accepting;
    config->trail = std::move(trail);
    uint64_t hash = hash_of(*config);
    StateId found = config_index_.find(hash, [&](int32_t id) {
        const Config& other = *configs_.get(id);
        if (other.accepting != config->accepting || other.items != config->items) return false;
        return other.trail == config->trail || (other.trail && config->trail && *other.trail == *config->trail);
    });
    if (found >= 0) return found;
    StateId id = add_config(std::move(config));
    config_index_.insert(hash, id);
    return id;
}

// -------------------------------------------------------------------------------------------------------- transitions

// One item per lexer state, then one per set of stacks: what reads the same, or goes on the same, is one.
void Automaton::normalise(std::vector<Item>& items) {
    if (items.size() < 2) return;
    auto reading = [](const Item& item) { return std::tie(item.lex, item.longer, item.guard, item.allowance); };
    auto same_reading = [&](const Item& a, const Item& b) { return reading(a) == reading(b); };
    auto by_reading = [&](const Item& a, const Item& b) {
        return std::tuple_cat(reading(a), std::tie(a.stacks)) < std::tuple_cat(reading(b), std::tie(b.stacks));
    };
    if (program_->counts_tokens()) keep_largest_allowances(items);
    if (!std::ranges::is_sorted(items, by_reading)) std::ranges::sort(items, by_reading);
    // Halves first: one after the other, n sets would be united in n^2 steps.
    auto united = [&](auto&& self, size_t begin, size_t end) -> StackId {
        size_t half = begin + (end - begin) / 2;
        return end - begin == 1 ? items[begin].stacks : stacks_.unite(self(self, begin, half), self(self, half, end));
    };
    std::vector<Item> merged;
    for (size_t begin = 0, end = 0; begin < items.size(); begin = end) {
        for (end = begin + 1; end < items.size() && same_reading(items[begin], items[end]);) ++end;
        merged.push_back(items[begin]);
        merged.back().stacks = united(united, begin, end);
    }
    items = std::move(merged);
    if (has_equal_stacks(items)) join_equal_stacks(items);
    if (!std::ranges::is_sorted(items)) std::ranges::sort(items);
}

bool Automaton::has_equal_stacks(const std::vector<Item>& items) {
    ++looked_at_;
    return std::ranges::any_of(items, [&](const Item& item) {
        auto stacks = static_cast<size_t>(item.stacks);
        if (stacks >= last_look_.size()) last_look_.resize(std::max(stacks + 1, 2 * last_look_.size()));
        return std::exchange(last_look_[stacks], looked_at_) == looked_at_;
    });
}

void Automaton::join_equal_stacks(std::vector<Item>& items) {
    std::ranges::stable_sort(items, {}, &Item::stacks);
    std::vector<Item> joined;
    for (size_t i = 0; i < items.size();) {
        std::vector<ExprId> same;
        size_t j = i;
        for (; j < items.size() && items[j].stacks == items[i].stacks; ++j) {
            bool is_free = items[j].is_plain() && !items[j].allowance.is_limited();
            if (is_free) same.push_back(items[j].lex);
            if (!is_free) joined.push_back(items[j]);
        }
        if (!same.empty())
            joined.push_back({same.size() == 1 ? same[0] : lexer_->regex.any_of(std::move(same)), items[i].stacks});
        i = j;
    }
    items = std::move(joined);
}

StateId Automaton::compute_step(StateId state, uint8_t byte) {
    StateId next = step_untried(state, byte);
    if (next == kDead) return kDead;
    if (at(next).trail && !trail_alive(next)) return kDead;
    return is_doubtful(at(next)) && !guard_alive(next) ? kDead : next;
}

// Without asking whether the state can be completed, where that is in doubt.
StateId Automaton::step_untried(StateId state, uint8_t byte) {
    const Config& config = at(state);
    Trail::Step trail = Trail::after(config.trail, byte);
    if (trail.too_deep) return kDead;
    std::vector<Item> items;
    bool accepting = false, opens = false;
    int32_t choice = INT32_MAX;
    for (const Item& item : config.items) {
        Item next{lexer_->step(item.lex, byte), item.stacks, item.longer, item.guard, item.allowance.after_byte()};
        if (next.lex == RegexSet::kNothing || (!next.is_plain() && !step_guards(next, byte))) continue;
        if (!lexer_->alive(next.lex).empty()) items.push_back(next);
        if (!lexer_->nullable(next.lex)) continue;
        StackId after = item.stacks;
        if (!next.is_plain()) after = with_guard(after, lexer_->regex.any_of({next.longer, next.guard}));
        const Fragment* fragment = &closure(after);
        if (fragment->ends_different && trail.next && trail.next->repeats()) fragment = &closure(after, true);
        accepting = accepting || fragment->accepting;
        opens = opens || fragment->opens_different;
        choice = std::min(choice, fragment->choice);
        items.insert(items.end(), fragment->items.begin(), fragment->items.end());
    }
    normalise(items);
    if (opens) trail.open(byte, choice);
    return intern(std::move(items), accepting, std::move(trail.next));
}

StateId Automaton::known_step(const Config& config, uint8_t byte) {
    if (!config.alive.contains(byte)) return kDead;
    if (const Table* table = config.table.load(std::memory_order_acquire)) {
        return (*table)[byte].load(std::memory_order_acquire);
    }
    for (const auto& slot : config.few) {
        uint64_t entry = slot.load(std::memory_order_acquire);
        if (entry == 0) return kUnknown;
        if ((entry & 0xFF) == byte) return static_cast<StateId>(entry >> 8) - 1;
    }
    return kUnknown;
}

// The caller holds the lexer's mutex. Most states are left by few bytes; a table is made for the others.
void Automaton::remember_step(Config& config, uint8_t byte, StateId next) {
    Table* table = config.table.load();
    for (auto& slot : config.few) {
        if (table != nullptr || slot.load() != 0) continue;
        slot.store((static_cast<uint64_t>(next + 1) << 8) | byte, std::memory_order_release);
        return;
    }
    if (table == nullptr) {
        table = new Table;
        for (auto& entry : *table) entry.store(kUnknown, std::memory_order_relaxed);
        for (const auto& slot : config.few) {
            (*table)[slot.load() & 0xFF].store(static_cast<StateId>(slot.load() >> 8) - 1, std::memory_order_relaxed);
        }
        bytes_ += sizeof(Table);
        config.table.store(table, std::memory_order_release);
    }
    (*table)[byte].store(next, std::memory_order_release);
}

// The caller holds the lexer's mutex.
StateId Automaton::step_locked(StateId state, uint8_t byte) {
    Config& config = at(state);
    StateId next = known_step(config, byte);
    if (next != kUnknown) return next;
    next = compute_step(state, byte);
    remember_step(config, byte, next);
    return next;
}

// The caller holds `gc_` shared.
StateId Automaton::walk(StateId state, std::string_view data) {
    std::optional<Building> building;
    for (char c : data) {
        auto byte = static_cast<uint8_t>(c);
        StateId next = known_step(at(state), byte);
        if (next == kUnknown) {
            if (!building) building.emplace(*this);
            next = step_locked(state, byte);
        }
        state = next;
        if (state == kDead) break;
    }
    if (building) all_bytes_ = memory();
    return state;
}

void Automaton::add(Matcher* matcher) {
    std::lock_guard lock(matchers_mutex_);
    matchers_.insert(matcher);
}

void Automaton::remove(Matcher* matcher) {
    std::lock_guard lock(matchers_mutex_);
    matchers_.erase(matcher);
}

// The state between this token and the next, dead if no tokens complete the text. The caller holds `gc_` shared.
StateId Automaton::end_token(StateId state) {
    StateId known = at(state).after_token.load(std::memory_order_acquire);
    if (known >= 0 && at(known).token_life.load() == Life::Alive) return known;
    Building building(*this);
    StateId after = after_token(state);
    return after != kDead && token_alive(after) ? after : kDead;
}

// ------------------------------------------------------------------------------------------------------------- public

// The caller holds `gc_` shared.
StateId Automaton::step_token(StateId state, TokenId token) {
    if (token < 0 || token >= vocabulary_->size()) {
        throw std::out_of_range("token " + std::to_string(token) + " is not in the vocabulary");
    }
    Config& config = at(state);
    if (vocabulary_->is_eos(token)) return config.accepting ? kTerminated : kDead;
    const std::string& bytes = vocabulary_->token(token);
    if (bytes.empty()) return kDead;
    StateId next = walk(state, bytes);
    if (next == kDead || (vocabulary_->spells_every_byte() && !program_->counts_tokens())) return next;
    return end_token(next);
}

size_t Automaton::validate(StateId state, std::span<const TokenId> tokens) {
    collect_if_needed({&state, 1});
    std::shared_lock gc(gc_);
    size_t count = 0;
    for (; count < tokens.size(); ++count) {
        state = step_token(state, tokens[count]);
        if (state == kDead) break;
    }
    return count;
}

StateId Automaton::step_bytes(StateId state, std::string_view data) {
    collect_if_needed({&state, 1});
    std::shared_lock gc(gc_);
    at(state);
    return walk(state, data);
}

bool Automaton::is_accepting(StateId state) {
    std::shared_lock gc(gc_);
    return at(state).accepting;
}

std::string Automaton::forced_bytes(StateId state) {
    constexpr size_t kLongest = 1u << 20;
    collect_if_needed({&state, 1});
    std::shared_lock gc(gc_);
    std::string forced;
    while (!at(state).accepting && forced.size() < kLongest) {
        ByteSet alive = exact_alive(state);
        if (alive.count() != 1) break;
        forced.push_back(static_cast<char>(alive.first()));
        state = walk(state, std::string_view(forced).substr(forced.size() - 1));
    }
    return forced;
}

std::string Automaton::next_bytes(StateId state) {
    std::shared_lock gc(gc_);
    std::string bytes;
    exact_alive(state).for_each([&](int byte) { bytes.push_back(static_cast<char>(byte)); });
    return bytes;
}

Statistics Automaton::statistics() {
    std::shared_lock gc(gc_);
    std::lock_guard lock(lexer_->mutex);
    return {live_states_,     masks_,      stacks_.count(),
            frames_->count(), memory(),    static_cast<size_t>(lexer_->regex.size()),
            lexer_->memory(), collections_};
}

}  // namespace latticework
