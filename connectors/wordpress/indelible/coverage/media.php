<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Hooks;

/** The media library: posts of the type attachment, and the files that they stand for. */
final class Media extends Posts {
	/** Larger files are not read to be hashed: a request has no time for that. */
	private const HASHED_MAX = 16_777_216;

	public function hook(): void {
		Hooks::add( 'add_attachment', fn ( $id ) => $this->created( (int) $id ) );
		Hooks::add( 'delete_attachment', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'edit_attachment', fn ( $id ) => $this->touch( (int) $id ) );
	}

	public function state( string $id ): ?array {
		$state = parent::state( $id );
		return null === $state ? null : $state + array( 'file' => self::file( (int) $id ) );
	}

	private static function file( int $id ): ?array {
		$path = get_attached_file( $id, true );
		if ( ! $path || ! is_file( $path ) ) {
			return null;
		}
		clearstatcache( true, $path );
		$bytes = (int) filesize( $path );
		return array( 'name' => basename( $path ), 'bytes' => $bytes, 'sha256' => $bytes <= self::HASHED_MAX ? hash_file( 'sha256', $path ) : null );
	}

	protected function family(): string {
		return 'media';
	}

	protected function what( ?array $before, ?array $after ): string {
		return match ( true ) {
			null === $before => 'uploaded',
			null === $after => 'deleted',
			$before['file'] !== $after['file'] => 'edited',
			default => 'updated',
		};
	}
}
