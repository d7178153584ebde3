<?php
declare( strict_types=1 );

namespace Indelible;

/** Hooks that never fail, and that are missed when other code takes them away. */
final class Hooks {
	/** @var array<int, array{string, \Closure, int}> All that was hooked here. */
	private static array $added = array();

	/** An action whose callback cannot harm the request. */
	public static function add( string $hook, callable $work, int $priority = PHP_INT_MIN, int $arguments = 10 ): void {
		self::keep( $hook, static fn ( ...$given ) => Plugin::never_fail( static fn () => $work( ...$given ) ), $priority, $arguments );
	}

	/** An action of the plugin's screens: whether others take it away matters to nobody. */
	public static function show( string $hook, callable $work, int $priority = 10 ): void {
		add_action( $hook, static fn ( ...$given ) => Plugin::never_fail( static fn () => $work( ...$given ) ), $priority, 10 );
	}

	/** A filter that only looks: the value goes through unchanged. */
	public static function peek( string $hook, callable $work, int $priority = PHP_INT_MIN, int $arguments = 10 ): void {
		$look = static function ( $value = null, ...$more ) use ( $work ) {
			Plugin::never_fail( static fn () => $work( $value, ...$more ) );
			return $value;
		};
		self::keep( $hook, $look, $priority, $arguments );
	}

	/** A filter that answers. */
	public static function filter( string $hook, callable $work, int $priority = PHP_INT_MAX, int $arguments = 10 ): void {
		self::keep( $hook, $work( ... ), $priority, $arguments );
	}

	/** @return string[] Hooks from which our callback has been taken away. */
	public static function removed(): array {
		$removed = array();
		foreach ( self::$added as [ $hook, $callback, $priority ] ) {
			if ( has_filter( $hook, $callback ) !== $priority ) {
				$removed[] = $hook;
			}
		}
		return array_values( array_unique( $removed ) );
	}

	/** Hooks again what was taken away. */
	public static function restore(): void {
		foreach ( self::$added as [ $hook, $callback, $priority, $arguments ] ) {
			if ( has_filter( $hook, $callback ) !== $priority ) {
				add_filter( $hook, $callback, $priority, $arguments );
			}
		}
	}

	private static function keep( string $hook, \Closure $callback, int $priority, int $arguments ): void {
		self::$added[] = array( $hook, $callback, $priority, $arguments );
		add_filter( $hook, $callback, $priority, $arguments );
	}
}
