#include "thread_pool.h"

#include <unistd.h>

#include <utility>

namespace pymypaint {

ThreadPool::ThreadPool(int threads) : owner_(getpid()) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::belongs_to_this_process() const { return owner_ == getpid(); }

void ThreadPool::take_shares() {
  try {
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) (*body_)(i);
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    error_ = std::current_exception();
  }
}

void ThreadPool::run(int count, const std::function<void(int)>& body) {
  if (workers_.empty() || count <= 1) {
    for (int i = 0; i < count; ++i) body(i);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  start_.notify_all();
  take_shares();
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work() {
  unsigned long seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || generation_ != seen; });
    if (stop_) return;
    seen = generation_;
    lock.unlock();
    take_shares();
    lock.lock();
    if (--busy_ == 0) done_.notify_one();
  }
}

}  // namespace pymypaint
