<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage;
use Indelible\Watcher;

/** What an order is about, and how WordPress changes it. States are those that entries tell. */
abstract class Subject {
	/** The watcher that tells of it. */
	abstract protected function watcher(): Watcher;

	/** Puts what is there into another state; both differ only in what the order changes. */
	abstract public function change( array $before, array $wanted ): void;

	public function __construct( protected readonly Order $order ) {}

	public static function of( Order $order ): self {
		$why = match ( $order->type ) {
			'plugin', 'theme', 'core' => 'it is about installed code, which is installed or removed in WordPress',
			'network_option', 'site' => 'what belongs to a network is changed in its administration',
			'widget', 'sidebar' => 'widgets are put back in WordPress: their places depend on each other',
			'file' => 'files are put back from where they come',
			'export', 'import', 'bypass', 'outbox', 'request' => 'it is nothing that has a state',
			default => null,
		};
		if ( null !== $why ) {
			throw new Impossible( $why );
		}
		$subject = match ( true ) {
			'option' === $order->type => preg_match( '/^theme_mods_(.+?)\[(.+)\]$/', $order->id ) ? new ThemeMod( $order ) : new Option( $order ),
			in_array( $order->type, array( 'custom_background', 'custom_header' ), true ) => new ThemePart( $order ),
			'menu' === $order->type => new Menu( $order ),
			'user' === $order->type => new User( $order ),
			'comment' === $order->type => new Comment( $order ),
			post_type_exists( $order->type ) => new Post( $order ),
			taxonomy_exists( $order->type ) => new Term( $order ),
			default => throw new Impossible( "this WordPress has no `{$order->type}`" ),
		};
		if ( ! $subject instanceof Option && ! $subject instanceof ThemeMod && ! $subject instanceof ThemePart ) {
			$subject->id(); // Refuses what is no number.
		}
		return $subject;
	}

	/** As entries tell it; null where it is not there. */
	public function state(): ?array {
		return $this->watcher()->state( $this->order->id );
	}

	/** Makes what was deleted again, under its old id. */
	public function make( array $wanted ): void {
		throw new Impossible( 'it is not there any more' );
	}

	/** What is done to it is told as usual. */
	public function touch( bool $is_new ): void {
		$is_new ? $this->watcher()->created( $this->order->id ) : $this->watcher()->touch( $this->order->id );
	}

	protected function id(): int {
		return 1 === preg_match( '/^[1-9]\d{0,18}$/', $this->order->id ) ? (int) $this->order->id : throw new Impossible( "`{$this->order->id}` is not an id of WordPress" );
	}

	/** @param class-string $class */
	protected static function watched_by( string $class ): Watcher {
		return Coverage::watcher( $class );
	}

	/** What differs, at the first level. @return array<string, mixed> The new values. */
	protected static function changed( array $before, array $wanted ): array {
		return array_filter( $wanted, static fn ( mixed $value, string|int $name ): bool => ! array_key_exists( $name, $before ) || ! Places::same( $before[ $name ], $value ), ARRAY_FILTER_USE_BOTH );
	}

	/** The columns of a table that fields of a state stand for; a field without one is refused. */
	protected static function columns( array $fields, array $names ): array {
		$columns = array();
		foreach ( $fields as $field => $value ) {
			if ( ! isset( $names[ $field ] ) ) {
				throw new Impossible( "/$field is not put back from here" );
			}
			if ( null !== $value && ! is_scalar( $value ) ) {
				throw new Impossible( "/$field must be a text or a number" );
			}
			$columns[ $names[ $field ] ] = $value;
		}
		return $columns;
	}

	/** Refuses what WordPress answers as an error. */
	protected static function done( mixed $answer ): mixed {
		if ( $answer instanceof \WP_Error ) {
			throw new Impossible( wp_strip_all_tags( $answer->get_error_message() ) );
		}
		if ( false === $answer || 0 === $answer ) {
			throw new Impossible( 'WordPress did not do it' );
		}
		return $answer;
	}
}
